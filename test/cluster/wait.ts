import { setTimeout as sleep } from 'node:timers/promises';

/** Asks until the answer is yes; what was waited for is in the error. A question that fails counts as no. */
export async function waitFor(
  what: string,
  question: () => Promise<boolean>,
  timeoutMs = 30_000,
  everyMs = 100,
): Promise<void> {
  const end = Date.now() + timeoutMs;
  let last = '';
  while (Date.now() < end) {
    try {
      if (await question()) return;
      last = '';
    } catch (error) {
      last = error instanceof Error ? `: ${error.message}` : '';
    }
    await sleep(everyMs);
  }
  throw new Error(`waited ${timeoutMs / 1000} s in vain for ${what}${last}`);
}
