import { spawn } from 'node:child_process';
import { once } from 'node:events';

/**
 * Runs `action` while holding an exclusive lock on `file`.
 *
 * The lock belongs to a small `flock` process whose standard input is a pipe from this one, so it is given up
 * even when this process is killed.
 */
export async function withFileLock<T>(file: string, action: () => Promise<T>): Promise<T> {
  const holder = spawn('flock', ['--exclusive', file, 'sh', '-c', 'echo locked; cat >/dev/null'], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const locked = once(holder.stdout, 'data');
  const failed = once(holder, 'exit').then(() => {
    throw new Error(`cannot lock ${file}`);
  });
  // When the action is over the holder exits, and nobody waits for this any more.
  failed.catch(() => undefined);
  await Promise.race([locked, failed]);
  try {
    return await action();
  } finally {
    holder.stdin.end();
    await failed.catch(() => undefined);
  }
}
