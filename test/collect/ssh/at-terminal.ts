import { spawn } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { areMissing, until } from './sshd.ts';

export const lacksTerminal = areMissing('/usr/bin/script', '/usr/bin/setsid');

export interface TypingOptions {
  /** Milliseconds that the person thinks before each answer. */
  readonly thinkMs?: number;
}

/**
 * Runs a shell command at a terminal of its own; each answer is typed when the next question for a passphrase is there.
 * @returns what is on the screen, with what becomes of the terminal's settings at its end
 */
export async function atTerminal(
  command: string,
  answers: readonly string[],
  { thinkMs = 0 }: TypingOptions = {},
): Promise<string> {
  const terminal = spawn('script', ['-qec', `${command}; stty -a`, '/dev/null'], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  let screen = '';
  terminal.stdout.on('data', (bytes: Buffer) => (screen += bytes.toString('utf8')));
  for (const [index, answer] of answers.entries()) {
    await until(() => questionsOn(screen) > index);
    await sleep(thinkMs);
    terminal.stdin.write(answer);
  }
  await until(() => terminal.exitCode !== null);
  terminal.stdin.end();
  return screen;
}

/** How often a passphrase was asked for. */
export function questionsOn(screen: string): number {
  return screen.match(/passphrase for key/g)?.length ?? 0;
}
