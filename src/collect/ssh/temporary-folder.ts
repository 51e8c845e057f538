import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A folder for the files of one run that nobody else can read (0700). It is there from its first use to {@link remove}. */
export class TemporaryFolder {
  #path: string | null = null;
  #files = 0;
  readonly #onExit = (): void => this.remove();

  /** @throws Error of Node.js when there is no place for temporary files */
  path(): string {
    if (this.#path === null) {
      this.#path = mkdtempSync(join(tmpdir(), 'svcdoctor-'));
      process.once('exit', this.#onExit);
    }
    return this.#path;
  }

  /** The path of a file that is not there yet, as short as can be: the path of a socket may have some hundred bytes only. */
  newFile(): string {
    return join(this.path(), String(++this.#files));
  }

  /** Never fails. */
  remove(): void {
    if (this.#path === null) return;
    process.off('exit', this.#onExit);
    try {
      rmSync(this.#path, { recursive: true, force: true });
    } catch {
      // Without it nothing is lost: there is no secret inside.
    }
    this.#path = null;
  }
}
