import { SnapshotError } from './snapshot-error.ts';

/** How much of a snapshot is read at most, in bytes; a larger one is refused, not cut. */
export interface ReadLimits {
  readonly entries: number;
  readonly fileBytes: number;
  readonly totalBytes: number;
  /** An archive may unpack to this many times its size... */
  readonly ratio: number;
  /** ...once it has unpacked to this much: small texts compress without measure. */
  readonly ratioFrom: number;
}

/** A file is at most what is read from a node; node.js holds no longer text than twice that. */
export const READ_LIMITS: ReadLimits = {
  entries: 200_000,
  fileBytes: 268_435_456,
  totalBytes: 4_294_967_296,
  ratio: 200,
  ratioFrom: 67_108_864,
};

/** Counts what is read and refuses what is too much. */
export class ReadBudget {
  readonly #limits: ReadLimits;
  readonly #source: string;
  #entries = 0;
  #bytes = 0;

  constructor(source: string, limits: ReadLimits) {
    this.#source = source;
    this.#limits = limits;
  }

  /** @throws SnapshotError when the entry, or everything so far, is too large */
  add(entry: string, bytes: number): void {
    this.#entries += 1;
    this.#bytes += bytes;
    const { entries, fileBytes, totalBytes } = this.#limits;
    if (this.#entries > entries) throw this.#tooMuch(`more than ${entries} entries, the last was ${entry}`);
    if (bytes > fileBytes) throw this.#tooMuch(`${entry} has ${bytes} bytes, the limit is ${fileBytes}`);
    if (this.#bytes > totalBytes) throw this.#tooMuch(`more than ${totalBytes} bytes, the last was ${entry}`);
  }

  #tooMuch(what: string): SnapshotError {
    return new SnapshotError(
      `${this.#source} is too large for a snapshot: ${what}`,
      'Collect fewer Services or nodes at a time.',
    );
  }
}
