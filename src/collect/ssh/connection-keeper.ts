import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { SSH_PROGRAM } from './resolve-host.ts';

/** End of the names of our sockets. */
export const SOCKET_SUFFIX = '.s';

/** Waits for the end of its input, which is our end; then ends all connections in the folder, and the folder. */
const SCRIPT = `cat >/dev/null
cd "$1" || exit 0
for socket in *${SOCKET_SUFFIX}; do
  if [ -S "$socket" ]; then ${SSH_PROGRAM} -F none -o "ControlPath=./$socket" -O exit -- any; fi
done
cd / && rm -rf "$1"`;

const PATIENCE_MS = 3000;

/**
 * A connection in the background outlives the program that opened it. This is a small process that outlives us, too, however
 * we end, and then ends what is still open. It does nothing until then.
 */
export class ConnectionKeeper {
  readonly #child: ChildProcess;

  /** @param folder where the sockets are */
  constructor(folder: string) {
    // A group of its own: Ctrl-C at the terminal is not for it.
    this.#child = spawn('/bin/sh', ['-c', SCRIPT, 'sh', folder], {
      detached: true,
      stdio: ['pipe', 'ignore', 'ignore'],
    });
    this.#child.on('error', () => undefined);
    this.#child.stdin?.on('error', () => undefined);
    this.#child.unref();
    if (this.#child.stdin instanceof Socket) this.#child.stdin.unref();
  }

  /** Lets it do its work now. Never fails. */
  async end(): Promise<void> {
    const hasEnded = once(this.#child, 'exit');
    this.#child.stdin?.end();
    const patience = new AbortController();
    await Promise.race([hasEnded, sleep(PATIENCE_MS, undefined, { signal: patience.signal })]).catch(() => undefined);
    patience.abort();
  }
}
