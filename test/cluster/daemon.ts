import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync } from 'node:fs';

/** A program that keeps running, with its output in a file; started, stopped and started again. */
export class Daemon {
  private readonly argv: readonly string[];
  private readonly logFile: string;
  private readonly env: NodeJS.ProcessEnv;
  private child: ChildProcess | undefined;
  private expectedEnd = false;
  /** Called when it ends although nobody stopped it. */
  onUnexpectedEnd: (() => void) | undefined;

  constructor(argv: readonly string[], logFile: string, env: NodeJS.ProcessEnv = process.env) {
    this.argv = argv;
    this.logFile = logFile;
    this.env = env;
  }

  get running(): boolean {
    return this.child !== undefined && this.child.exitCode === null && this.child.signalCode === null;
  }

  get pid(): number | undefined {
    return this.running ? this.child?.pid : undefined;
  }

  start(): void {
    if (this.running) return;
    const [program = '', ...args] = this.argv;
    const log = openSync(this.logFile, 'a', 0o600);
    const child = spawn(program, args, { stdio: ['ignore', log, log], env: this.env });
    closeSync(log);
    this.expectedEnd = false;
    child.on('error', () => undefined);
    child.on('exit', () => {
      if (this.child === child && !this.expectedEnd) this.onUnexpectedEnd?.();
    });
    this.child = child;
  }

  /** The end of its output, for an error message. */
  lastWords(): string {
    if (this.child === undefined) return `not started: ${this.argv[0]}`;
    const lines = readFileSync(this.logFile, 'utf8').trimEnd().split('\n').slice(-8);
    return [
      `${this.running ? 'the log of' : 'ended:'} ${this.argv[0]}`,
      ...lines.map((line) => `  ${line.slice(0, 300)}`),
    ].join('\n');
  }

  /** Returns once the process is gone. */
  async stop(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    const child = this.child;
    if (child === undefined || !this.running) return;
    this.expectedEnd = true;
    const ended = once(child, 'exit');
    child.kill(signal);
    await ended;
  }
}
