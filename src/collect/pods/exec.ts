import type { RawData, WebSocket } from 'ws';
import type { ClusterConnection } from '../cluster/index.ts';
import { stopped } from '../ssh/failures.ts';
import { Collector } from '../ssh/run-program.ts';
import { type CommandResult, NodeReadError } from '../transport.ts';
import { type ExecEnd, readExecStatus } from './exec-status.ts';

/** A container that runs. */
export interface ExecTarget {
  readonly namespace: string;
  readonly pod: string;
  readonly container: string;
}

export interface ExecLimits {
  /** Ends the command. */
  readonly signal: AbortSignal;
  /** Milliseconds without a word of the server. */
  readonly idleMs?: number;
  /** Bytes of stdout. */
  readonly maxBytes?: number;
}

/** How the exec ended without a command's exit code; another attempt may do better. */
export class ExecBroken extends Error {
  override readonly name = 'ExecBroken';
}

/** Newest first. All have one byte in front that names the channel, and a Status on channel 3 since v4. */
const PROTOCOLS = ['v5.channel.k8s.io', 'v4.channel.k8s.io'] as const;

const STDOUT = 1;
const STDERR = 2;
const STATUS = 3;
/** v5: a channel is closed. */
const CLOSED = 255;

/** A large rule set is silent for seconds while it is read out of the kernel, and longer while somebody holds the lock. */
const IDLE_MS = 60_000;

/** More than any node prints: 10,000 Services make some 50 MB. */
const STDOUT_LIMIT = 256 * 1024 * 1024;
const STDERR_LIMIT = 64 * 1024;
const STATUS_LIMIT = 64 * 1024;

/** Milliseconds the server has for closing after the exit status: what comes meanwhile still counts. */
const CLOSE_MS = 500;

/**
 * Runs argv in a container: no shell, no stdin, no terminal. The exit code of a program that is not in the image is 127.
 * @throws ClusterError when the API server refuses, ExecBroken when there is no exit code, NodeReadError for what no other
 * attempt mends
 */
export async function execInPod(
  connection: ClusterConnection,
  target: ExecTarget,
  argv: readonly string[],
  limits: ExecLimits,
): Promise<CommandResult> {
  const { signal } = limits;
  if (signal.aborted) throw stopped(signal, placeOf(target));
  const socket = await openExec(connection, target, argv, signal);
  const stop = (): void => socket.terminate();
  signal.addEventListener('abort', stop);
  try {
    return await new ExecReader(target, limits).read(socket);
  } finally {
    signal.removeEventListener('abort', stop);
    socket.terminate();
  }
}

async function openExec(
  connection: ClusterConnection,
  { namespace, pod, container }: ExecTarget,
  argv: readonly string[],
  signal: AbortSignal,
): Promise<WebSocket> {
  try {
    return await connection.openSocket({
      path: `/api/v1/namespaces/${encodeURIComponent(namespace)}/pods/${encodeURIComponent(pod)}/exec`,
      query: { container, command: argv, stdout: 'true', stderr: 'true' },
      protocols: PROTOCOLS,
      signal,
    });
  } catch (error) {
    throw signal.aborted ? stopped(signal, `exec in pod ${namespace}/${pod}`) : error;
  }
}

/** What is said on one socket, from the first message to the last. */
class ExecReader {
  readonly #place: string;
  readonly #limits: ExecLimits;
  readonly #stdout: Collector;
  readonly #stderr = new Collector(STDERR_LIMIT);
  readonly #status = new Collector(STATUS_LIMIT);
  #error: string | null = null;

  constructor(target: ExecTarget, limits: ExecLimits) {
    this.#place = placeOf(target);
    this.#limits = limits;
    this.#stdout = new Collector(limits.maxBytes ?? STDOUT_LIMIT);
  }

  async read(socket: WebSocket): Promise<CommandResult> {
    const idleMs = this.#limits.idleMs ?? IDLE_MS;
    let isIdle = false;
    const idle = setTimeout(() => {
      isIdle = true;
      socket.terminate();
    }, idleMs);
    let closing: NodeJS.Timeout | undefined;
    try {
      await new Promise<void>((resolve) => {
        socket.on('message', (data) => {
          idle.refresh();
          const isGood = this.#take(bytesOf(data));
          if (!isGood) socket.terminate();
          else if (this.#end() !== null) closing ??= setTimeout(() => socket.terminate(), CLOSE_MS);
        });
        socket.on('error', (error) => (this.#error ??= error.message));
        socket.on('close', () => resolve());
        socket.resume();
      });
    } finally {
      clearTimeout(idle);
      clearTimeout(closing);
    }
    return this.#result(isIdle ? `nothing was said for ${idleMs / 1000} s` : this.#error);
  }

  /** False when there is no use in listening further. */
  #take(message: Buffer): boolean {
    const channel = message[0];
    const data = message.subarray(1);
    if (channel === STDOUT) return this.#stdout.add(data);
    if (channel === STDERR) this.#stderr.add(data);
    else if (channel === STATUS) this.#status.add(data);
    else if (channel !== CLOSED && data.length > 0) this.#error ??= `a message of unknown channel ${channel}`;
    return this.#error === null;
  }

  #end(): ExecEnd | null {
    const text = this.#status.bytes().toString('utf8');
    return text === '' ? null : readExecStatus(text);
  }

  #result(why: string | null): CommandResult {
    const { signal } = this.#limits;
    const end = this.#end();
    if (end === null && signal.aborted) throw stopped(signal, this.#place);
    if (this.#stdout.isFull) throw this.#tooMuch();
    if (end === null) throw new ExecBroken(`${this.#place}: ${why ?? this.#unfinished()}`);
    if (end.kind === 'failed') throw new ExecBroken(`${this.#place}: ${end.message}`);
    const stderr = this.#stderr.bytes().toString('utf8');
    const words = end.message === undefined ? stderr : `${stderr}${end.message}\n`;
    return { stdout: this.#stdout.bytes(), stderr: words, code: end.code };
  }

  #unfinished(): string {
    const isJunk = this.#status.bytes().length > 0;
    return isJunk ? 'the exit status is not one' : 'the connection was closed before the exit status came';
  }

  #tooMuch(): NodeReadError {
    const limit = this.#limits.maxBytes ?? STDOUT_LIMIT;
    const words = `${this.#place}: more than ${limit / 1024 / 1024} MiB in one answer`;
    return new NodeReadError('truncated', words, 'Save the rules on the node, and check them with --from.');
  }
}

function placeOf({ namespace, pod }: ExecTarget): string {
  return `exec in pod ${namespace}/${pod}`;
}

function bytesOf(data: RawData): Buffer {
  if (Array.isArray(data)) return Buffer.concat(data);
  return data instanceof ArrayBuffer ? Buffer.from(data) : data;
}
