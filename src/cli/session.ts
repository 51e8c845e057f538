/** One run of a command: how it is stopped, what it holds meanwhile, and what the person has agreed to. */
export class Session extends AbortController {
  readonly #held = new Set<() => string>();
  /** Whether pods may be made; null: nobody was asked yet. */
  agreed: boolean | null = null;

  /**
   * Something exists outside this program until the result is called. `leftover`: what removes it by hand, for somebody who does not
   * wait for us to do it; '' when there is nothing.
   */
  hold(leftover: () => string): () => void {
    this.#held.add(leftover);
    return () => this.#held.delete(leftover);
  }

  /** What would be left if the program ended now; '': nothing. */
  leftovers(): string {
    return [...this.#held]
      .map((leftover) => leftover())
      .filter((text) => text !== '')
      .join('\n');
  }
}
