import pLimit from 'p-limit';
import { openTerminal, type Terminal } from './terminal.ts';

/** Questions to the person at the terminal, one at a time. Clocks stand still, and progress is silent, while one is open. */
export class Questions {
  readonly #open: () => Terminal | null;
  readonly #oneAtATime = pLimit(1);
  readonly #listeners = new Set<(isOpen: boolean) => void>();
  #isOpen = false;

  constructor(open: () => Terminal | null = openTerminal) {
    this.#open = open;
  }

  get isOpen(): boolean {
    return this.#isOpen;
  }

  /** Tells when a question begins and ends; the result stops it. */
  subscribe(listener: (isOpen: boolean) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /**
   * Holds the terminal for a talk of one or more questions.
   * @returns what the talk comes to; null: there is no terminal
   */
  async talk<T>(talk: (terminal: Terminal) => Promise<T>): Promise<T | null> {
    return this.#oneAtATime(async () => {
      const terminal = this.#open();
      if (terminal === null) return null;
      this.#set(true);
      try {
        return await talk(terminal);
      } finally {
        this.#set(false);
      }
    });
  }

  #set(isOpen: boolean): void {
    this.#isOpen = isOpen;
    for (const listener of this.#listeners) listener(isOpen);
  }
}

/** The person at the terminal of this process. */
export const questions = new Questions();

/** Whether somebody is there to be asked, and sees what else is said: a job in the background has a terminal too. */
export function hasTerminal(): boolean {
  return process.stderr.isTTY && openTerminal() !== null;
}
