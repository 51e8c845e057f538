import { once } from 'node:events';
import { closeSync, openSync, writeSync } from 'node:fs';
import { ReadStream } from 'node:tty';

/** A person in front of a terminal, whatever stdin, stdout and stderr are. */
export interface Terminal {
  /** Writes the prompt and reads one line without showing it; null: the person has nothing to say (Ctrl-D). */
  readHidden(prompt: string, signal: AbortSignal): Promise<string | null>;
  /** Writes the prompt and reads one line that the terminal shows; null as above. */
  readLine(prompt: string, signal: AbortSignal): Promise<string | null>;
}

/** The controlling terminal; null: there is none, or it is not known how to ask there (Windows). */
export function openTerminal(): Terminal | null {
  if (process.platform === 'win32') return null;
  try {
    closeSync(openSync('/dev/tty', 'r+'));
  } catch {
    return null;
  }
  return { readHidden, readLine };
}

const CTRL_C = 0x03;
const CTRL_D = 0x04;
const BACKSPACES: ReadonlySet<number> = new Set([0x08, 0x7f]);
const CTRL_U = 0x15;
const AFTER_INTERRUPT_MS = 1000;
const ENDS: ReadonlySet<number> = new Set([0x0a, 0x0d]);

/** Never leaves the terminal without its echo: Node.js gives it back when the process ends in between, too. */
async function readHidden(prompt: string, signal: AbortSignal): Promise<string | null> {
  const terminal = openSync('/dev/tty', 'r+');
  const input = new ReadStream(terminal);
  input.setRawMode(true);
  writeSync(terminal, prompt);
  let stopListening = (): void => undefined;
  try {
    return await new Promise<string | null>((resolve) => {
      const line = new HiddenLine();
      const onAbort = (): void => resolve(null);
      stopListening = () => signal.removeEventListener('abort', onAbort);
      signal.addEventListener('abort', onAbort);
      if (signal.aborted) onAbort();
      input.on('end', onAbort);
      input.on('error', onAbort);
      input.on('data', (bytes: Buffer) => {
        const end = line.type(bytes);
        if (end === 'done') resolve(line.text());
        if (end === 'nothing') resolve(null);
        // The terminal does not do it while it hides what is typed. The signal stops us; if it does not, the line is over.
        if (end === 'interrupted') {
          process.kill(process.pid, 'SIGINT');
          setTimeout(onAbort, AFTER_INTERRUPT_MS).unref();
        }
      });
    });
  } finally {
    stopListening();
    input.setRawMode(false);
    writeSync(terminal, '\n');
    input.destroy();
  }
}

/** The terminal itself shows, edits and ends the line. */
async function readLine(prompt: string, signal: AbortSignal): Promise<string | null> {
  const terminal = openSync('/dev/tty', 'r+');
  const input = new ReadStream(terminal);
  writeSync(terminal, prompt);
  try {
    const [bytes] = await once(input, 'data', { signal });
    return Buffer.isBuffer(bytes) ? bytes.toString('utf8').replace(/\r?\n$/, '') : null;
  } catch {
    writeSync(terminal, '\n');
    return null;
  } finally {
    input.destroy();
  }
}

/** What a terminal in raw mode leaves to its reader: the end of the line, and what takes characters back. */
export class HiddenLine {
  #bytes: number[] = [];

  /** Null: the line goes on. */
  type(bytes: Uint8Array): 'done' | 'nothing' | 'interrupted' | null {
    for (const byte of bytes) {
      if (byte === CTRL_C) return 'interrupted';
      if (byte === CTRL_D && this.#bytes.length === 0) return 'nothing';
      if (ENDS.has(byte) || byte === CTRL_D) return 'done';
      if (byte === CTRL_U) this.#bytes = [];
      else if (BACKSPACES.has(byte)) this.#takeBack();
      else this.#bytes.push(byte);
    }
    return null;
  }

  text(): string {
    return Buffer.from(this.#bytes).toString('utf8');
  }

  /** One character, which may be several bytes of UTF-8. */
  #takeBack(): void {
    let byte = this.#bytes.pop();
    while (byte !== undefined && byte >= 0x80 && byte < 0xc0) byte = this.#bytes.pop();
  }
}
