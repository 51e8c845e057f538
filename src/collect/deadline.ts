import type { Questions } from './questions.ts';

/** A time limit whose clock stands still while a person is being asked something. */
export class Deadline {
  readonly #controller = new AbortController();
  readonly #unsubscribe: () => void;
  #leftMs: number;
  #running: { readonly timer: NodeJS.Timeout; readonly since: number } | null = null;

  constructor(milliseconds: number, questions: Pick<Questions, 'isOpen' | 'subscribe'>) {
    this.#leftMs = milliseconds;
    this.#unsubscribe = questions.subscribe((isOpen) => (isOpen ? this.#pause() : this.#start()));
    if (!questions.isOpen) this.#start();
  }

  /** Aborted with a `TimeoutError` when the time is over. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** No longer needed. */
  end(): void {
    this.#unsubscribe();
    this.#pause();
  }

  #start(): void {
    if (this.#running !== null) return;
    const timer = setTimeout(() => {
      this.#unsubscribe();
      this.#controller.abort(new DOMException('the time is over', 'TimeoutError'));
    }, this.#leftMs);
    timer.unref();
    this.#running = { timer, since: performance.now() };
  }

  #pause(): void {
    if (this.#running === null) return;
    clearTimeout(this.#running.timer);
    this.#leftMs = Math.max(0, this.#leftMs - (performance.now() - this.#running.since));
    this.#running = null;
  }
}
