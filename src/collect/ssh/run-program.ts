import { spawn, type ChildProcess } from 'node:child_process';

/** What a program of this machine answered. */
export interface ProgramResult {
  readonly stdout: Buffer;
  readonly stderr: string;
  /** null: ended by a signal. */
  readonly code: number | null;
  /** More came than was allowed; the program was ended. */
  readonly isOverLimit: boolean;
}

export interface ProgramOptions {
  readonly signal: AbortSignal;
  /** Bytes of stdout to take at most. */
  readonly limit: number;
}

const STDERR_LIMIT = 64 * 1024;

/**
 * Runs a program with argv, without a shell, its input empty. Ends it when the signal says so, with all it has started: a
 * ProxyCommand outlives its ssh, and would keep our pipes open.
 * @throws Error of Node.js: ENOENT when there is no such program, the signal's reason when stopped
 */
export async function runProgram(
  program: string,
  argv: readonly string[],
  options: ProgramOptions,
): Promise<ProgramResult> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, argv, {
      // A process group of its own, so that the group can be ended.
      detached: OWN_GROUP,
      stdio: ['ignore', 'pipe', 'pipe'],
      windowsHide: true,
    });
    const stdout = new Collector(options.limit);
    const stderr = new Collector(STDERR_LIMIT);
    const onAbort = (): void => {
      endGroup(child);
      reject(options.signal.reason);
    };
    if (options.signal.aborted) onAbort();
    options.signal.addEventListener('abort', onAbort, { once: true });
    child.stdout.on('data', (chunk: Buffer) => {
      if (!stdout.add(chunk)) endGroup(child);
    });
    child.stderr.on('data', (chunk: Buffer) => stderr.add(chunk));
    child.on('error', reject);
    child.on('close', (code) => {
      options.signal.removeEventListener('abort', onAbort);
      resolve({ stdout: stdout.bytes(), stderr: stderr.bytes().toString('utf8'), code, isOverLimit: stdout.isFull });
    });
  });
}

/**
 * Runs a program that goes on in the background, where it may hold on to what it was given: only the end of the process that
 * was started counts, and its errors go to a file.
 * @returns its exit code; null: ended by a signal
 * @throws as {@link runProgram}
 */
export async function runDetaching(
  program: string,
  argv: readonly string[],
  { signal, stderr }: { readonly signal: AbortSignal; readonly stderr: number },
): Promise<number | null> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, argv, { detached: OWN_GROUP, stdio: ['ignore', 'ignore', stderr] });
    const onAbort = (): void => {
      endGroup(child);
      reject(signal.reason);
    };
    if (signal.aborted) onAbort();
    signal.addEventListener('abort', onAbort, { once: true });
    child.on('error', reject);
    child.on('exit', (code) => {
      signal.removeEventListener('abort', onAbort);
      resolve(code);
    });
  });
}

/** Windows has no process groups to signal. */
const OWN_GROUP = process.platform !== 'win32';

function endGroup(child: ChildProcess): void {
  try {
    if (OWN_GROUP && child.pid !== undefined) process.kill(-child.pid, 'SIGTERM');
    else child.kill();
  } catch {
    // It has ended by itself.
  }
  child.stdout?.destroy();
  child.stderr?.destroy();
}

/** Keeps the first bytes of a stream, up to a limit. */
export class Collector {
  readonly #limit: number;
  readonly #chunks: Buffer[] = [];
  #size = 0;
  isFull = false;

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** False: the limit is reached and bytes were dropped. */
  add(chunk: Buffer): boolean {
    const kept = chunk.subarray(0, this.#limit - this.#size);
    if (kept.length > 0) this.#chunks.push(kept);
    this.#size += kept.length;
    if (kept.length < chunk.length) this.isFull = true;
    return !this.isFull;
  }

  bytes(): Buffer {
    return Buffer.concat(this.#chunks);
  }
}
