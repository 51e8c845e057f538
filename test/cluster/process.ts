/** Running programs: argv arrays only, output kept, never a shell. */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';

export interface RunOptions {
  readonly cwd?: string;
  readonly env?: NodeJS.ProcessEnv;
  readonly input?: string;
  readonly timeoutMs?: number;
}

export interface RunResult {
  readonly argv: readonly string[];
  /** The exit code, or 128 + the signal's place when a signal ended it; 127 when it could not be started. */
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export function run(argv: readonly string[], options: RunOptions = {}): Promise<RunResult> {
  const [program = '', ...args] = argv;
  return new Promise((resolve) => {
    const child = spawn(program, args, {
      stdio: [options.input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
      ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
      ...(options.env === undefined ? {} : { env: options.env }),
      ...(options.timeoutMs === undefined ? {} : { timeout: options.timeoutMs, killSignal: 'SIGKILL' as const }),
    });
    const stdout: Buffer[] = [];
    const stderr: Buffer[] = [];
    child.stdout?.on('data', (chunk: Buffer) => stdout.push(chunk));
    child.stderr?.on('data', (chunk: Buffer) => stderr.push(chunk));
    child.on('error', (error) => resolve({ argv, code: 127, stdout: '', stderr: error.message }));
    child.on('close', (code) =>
      resolve({
        argv,
        code: code ?? 137,
        stdout: Buffer.concat(stdout).toString(),
        stderr: Buffer.concat(stderr).toString(),
      }),
    );
    // A program that exits without reading its input is judged by its exit code, not by the broken pipe.
    child.stdin?.on('error', () => undefined);
    child.stdin?.end(options.input);
  });
}

/** The result again, or an error that shows the command and what it said. */
export function requireSuccess(result: RunResult): RunResult {
  if (result.code === 0) return result;
  const said = (result.stderr.trim() || result.stdout.trim()).slice(-4000);
  throw new Error(`${result.argv.join(' ')}: exit code ${result.code}\n${said}`);
}

/** Go is often installed outside PATH of a service or of sudo. */
export function goProgram(): string {
  const usual = '/usr/local/go/bin/go';
  return findProgram('go') ?? (existsSync(usual) ? usual : 'go');
}

/** The absolute path of a program, also looked for where Debian keeps those for root; undefined when there is none. */
export function findProgram(name: string): string | undefined {
  const path = `${process.env['PATH'] ?? ''}:/usr/local/sbin:/usr/sbin:/sbin:/usr/local/bin:/usr/bin:/bin`;
  for (const dir of path.split(':')) {
    if (dir !== '' && existsSync(`${dir}/${name}`)) return `${dir}/${name}`;
  }
  return undefined;
}
