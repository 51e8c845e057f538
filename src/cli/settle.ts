import { setTimeout as sleep } from 'node:timers/promises';
import { Progress } from './progress.ts';

/** Waits, and says so on a terminal; ends at once when the run is stopped. */
export async function settle(milliseconds: number, signal: AbortSignal): Promise<void> {
  const progress = new Progress(process.stderr, process.stderr.isTTY);
  progress.show({ kind: 'settle', seconds: milliseconds / 1000 });
  try {
    await sleep(milliseconds, undefined, { signal });
  } catch {
    signal.throwIfAborted();
  } finally {
    progress.end();
  }
}
