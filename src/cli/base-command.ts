import { Command } from '@oclif/core';
import { describeError } from './errors.ts';
import { Session } from './session.ts';
import { writeResult } from './write-result.ts';

/** Exit codes of every command; `check` adds 0, 1 and 3 by its report. */
export const EXIT = {
  ok: 0,
  findings: 1,
  couldNotRun: 2,
  incomplete: 3,
  interrupted: 130,
  terminated: 143,
  hungUp: 129,
} as const;

/**
 * What all commands share: one way to print a result, one way to fail. Nothing here or in a command ends the process: a
 * pipe would be cut at 64 kB.
 */
export abstract class BaseCommand extends Command {
  /** What the user types to call us, for hints. */
  protected get program(): string {
    return this.config.bin;
  }

  /** Ends network reads and node sessions on Ctrl-C, SIGTERM or when the terminal is gone; what they leave behind is cleaned up on the way out. */
  protected readonly stop = new Session();

  protected override async init(): Promise<void> {
    await super.init();
    for (const [signal, code] of SIGNALS) process.on(signal, () => this.interrupt(signal, code));
  }

  /** The first time ends the work; the second says what it still waits for; the third leaves it behind. */
  private interrupt(signal: NodeJS.Signals, code: number): void {
    process.exitCode = code;
    if (!this.stop.signal.aborted) return this.stop.abort(new Error(`stopped by ${signal}`));
    const leftovers = this.stop.leftovers();
    if (leftovers !== '' && !this.isWaiting) {
      this.isWaiting = true;
      return this.say(
        `removing what was made in the cluster; once more leaves it there, to be removed with\n${leftovers}`,
      );
    }
    for (const [each] of SIGNALS) process.removeAllListeners(each);
    process.kill(process.pid, signal);
  }

  private isWaiting = false;

  /** The result, on stdout. */
  protected print(text: string): void {
    writeResult(text);
  }

  /** Everything else, on stderr. */
  protected say(text: string): void {
    process.stderr.write(`${text}\n`);
  }

  protected override async catch(error: unknown): Promise<void> {
    if (this.stop.signal.aborted) {
      this.say('stopped');
      return;
    }
    const { text, exitCode } = describeError(error, this.program);
    this.say(text);
    process.exitCode = exitCode;
  }
}

const SIGNALS = [
  ['SIGINT', EXIT.interrupted],
  ['SIGTERM', EXIT.terminated],
  ['SIGHUP', EXIT.hungUp],
] as const;
