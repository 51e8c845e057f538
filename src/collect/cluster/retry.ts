import { setTimeout as sleep } from 'node:timers/promises';
import type { RetryPolicy } from './flags.ts';

/** Why an attempt is repeated. */
export type Setback = { readonly kind: 'throttled'; readonly waitMs: number } | { readonly kind: 'broken' };

/** Counts the attempts of one request and waits between them. */
export class Retries {
  readonly #policy: RetryPolicy;
  readonly #startedAt = performance.now();
  #throttled = 0;
  #broken = 0;

  constructor(policy: RetryPolicy) {
    this.#policy = policy;
  }

  /**
   * Waits for the next attempt. False, at once, when there shall be none: too many, or the wait would end after the
   * budget. Rejects with the signal's reason when it is aborted meanwhile.
   */
  async again(setback: Setback, signal: AbortSignal | undefined): Promise<boolean> {
    const delay = this.#delay(setback);
    if (delay === null) return false;
    if (performance.now() - this.#startedAt + delay > this.#policy.budgetMs) return false;
    signal?.throwIfAborted();
    try {
      await sleep(delay, undefined, signal === undefined ? {} : { signal });
    } catch (error) {
      signal?.throwIfAborted();
      throw error;
    }
    return true;
  }

  #delay(setback: Setback): number | null {
    if (setback.kind === 'throttled') {
      this.#throttled += 1;
      return this.#throttled > this.#policy.throttled ? null : Math.min(setback.waitMs, this.#policy.maxDelayMs);
    }
    this.#broken += 1;
    if (this.#broken > this.#policy.broken) return null;
    const longest = Math.min(this.#policy.baseDelayMs * 2 ** (this.#broken - 1), this.#policy.maxDelayMs);
    // Full jitter: many clients that failed together must not come back together.
    return Math.random() * longest;
  }
}

/** Why an answer may be asked for again; null when it is final. `retryAfter`: seconds, or an HTTP date. */
export function setbackOf(status: number, retryAfter: string, now: number = Date.now()): Setback | null {
  if (status !== 429 && ![500, 502, 503, 504].includes(status)) return null;
  const seconds = /^\d+$/.test(retryAfter) ? Number(retryAfter) * 1000 : Date.parse(retryAfter) - now;
  if (retryAfter !== '' && !Number.isNaN(seconds)) return { kind: 'throttled', waitMs: Math.max(0, seconds) };
  return { kind: 'broken' };
}
