/** Where a text stops being JSON: the engine's own message gives no position for most mistakes. */

/** 1-based line and column, in UTF-16 units. */
export interface Position {
  readonly line: number;
  readonly column: number;
}

/** Position of the first character that cannot continue a JSON text; null when the text is JSON. */
export function jsonErrorPosition(text: string): Position | null {
  const scanner = new Scanner(text);
  const end = scanner.scan();
  if (end === null) return null;
  const before = text.slice(0, end);
  return { line: before.split('\n').length, column: end - before.lastIndexOf('\n') };
}

const SCALAR = /(?:true|false|null|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?)/y;
// eslint-disable-next-line no-control-regex -- JSON forbids exactly these in a string
const STRING = /"(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"/y;
const SPACE = /[ \t\r\n]*/y;

/** What may come next. `first`: after an opening bracket, where the closing one is allowed too. */
type Expected = 'value' | 'first-value' | 'first-key' | 'key' | 'after-value';

/** Walks without recursion: depth is the writer's choice. */
class Scanner {
  readonly #text: string;
  #at = 0;
  #expected: Expected = 'value';
  readonly #open: ('{' | '[')[] = [];

  constructor(text: string) {
    this.#text = text;
  }

  scan(): number | null {
    for (;;) {
      this.#skip(SPACE);
      if (this.#expected === 'after-value' && this.#open.length === 0) {
        return this.#at === this.#text.length ? null : this.#at;
      }
      if (!this.#step(this.#text[this.#at] ?? '')) return this.#at;
    }
  }

  #step(next: string): boolean {
    const expected = this.#expected;
    if (expected === 'after-value') return this.#afterValue(next);
    if (expected === 'first-key' && next === '}') return this.#close();
    if (expected === 'first-value' && next === ']') return this.#close();
    return expected === 'key' || expected === 'first-key' ? this.#key() : this.#value(next);
  }

  #value(next: string): boolean {
    if (next === '{' || next === '[') {
      this.#open.push(next);
      this.#at += 1;
      this.#expected = next === '{' ? 'first-key' : 'first-value';
      return true;
    }
    this.#expected = 'after-value';
    return this.#skip(next === '"' ? STRING : SCALAR);
  }

  #key(): boolean {
    if (!this.#skip(STRING)) return false;
    this.#skip(SPACE);
    if (this.#text[this.#at] !== ':') return false;
    this.#at += 1;
    this.#expected = 'value';
    return true;
  }

  #afterValue(next: string): boolean {
    const open = this.#open.at(-1);
    if (next === ',') {
      this.#at += 1;
      this.#expected = open === '{' ? 'key' : 'value';
      return true;
    }
    if (next === '}' && open === '{') return this.#close();
    return next === ']' && open === '[' && this.#close();
  }

  #close(): boolean {
    this.#open.pop();
    this.#at += 1;
    this.#expected = 'after-value';
    return true;
  }

  #skip(pattern: RegExp): boolean {
    pattern.lastIndex = this.#at;
    if (!pattern.test(this.#text)) return false;
    this.#at = pattern.lastIndex;
    return true;
  }
}
