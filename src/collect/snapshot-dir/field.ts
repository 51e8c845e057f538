import { SnapshotError } from './snapshot-error.ts';

/** A value in a JSON file together with its place, so that what is wrong can be said exactly. */
export class Field {
  readonly #value: unknown;
  readonly #file: string;
  readonly #place: string;

  /** `place`: path from the root of the file, e.g. `nodes[3].via`; '' for the root. */
  constructor(value: unknown, file: string, place: string) {
    this.#value = value;
    this.#file = file;
    this.#place = place;
  }

  get(key: string): Field {
    const value = this.#value;
    if (typeof value !== 'object' || value === null || Array.isArray(value)) throw this.wrong('an object');
    const entry: unknown = Object.getOwnPropertyDescriptor(value, key)?.value;
    return new Field(entry, this.#file, this.#place === '' ? key : `${this.#place}.${key}`);
  }

  text(): string {
    if (typeof this.#value !== 'string') throw this.wrong('a string');
    return this.#value;
  }

  /** RFC 3339. */
  time(): string {
    const text = this.text();
    if (!/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d/.test(text) || Number.isNaN(Date.parse(text))) throw this.wrong('a time');
    return text;
  }

  number(): number {
    // A number that is too large for a number becomes Infinity.
    if (typeof this.#value !== 'number' || !Number.isFinite(this.#value)) throw this.wrong('a number');
    return this.#value;
  }

  oneOf<T extends string>(known: readonly T[]): T {
    const found = known.find((value) => value === this.#value);
    if (found === undefined) throw this.wrong(`one of ${known.join(', ')}`);
    return found;
  }

  list<T>(read: (item: Field) => T): T[] {
    if (!Array.isArray(this.#value)) throw this.wrong('a list');
    return this.#value.map((item: unknown, index) => read(new Field(item, this.#file, `${this.#place}[${index}]`)));
  }

  /** null for null and for what is absent. */
  orNull<T>(read: (field: Field) => T): T | null {
    return this.#value === null || this.#value === undefined ? null : read(this);
  }

  wrong(wanted: string): SnapshotError {
    const found = shown(this.#value);
    const place = this.#place === '' ? '' : `, ${this.#place}`;
    return new SnapshotError(
      `${this.#file}${place}: expected ${wanted}, found ${found}`,
      'Collect the snapshot again, or remove the file: it is optional.',
    );
  }
}

/** Never the whole of what may be as deep or as long as a stranger likes. */
function shown(value: unknown): string {
  if (value === undefined) return 'nothing';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'number') return String(value);
  if (typeof value === 'object' && value !== null) return 'an object';
  return JSON.stringify(value).slice(0, 80);
}
