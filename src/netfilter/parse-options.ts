import { optionsOfModule } from './save-modules.ts';

/** One option of a match or target, e.g. `! --dport 80`. */
export interface Option {
  readonly name: string;
  readonly negated: boolean;
  /** Values as they stand in the save, quotes included, without a `!`. */
  readonly values: readonly string[];
  /** All of it as it stands in the save. */
  readonly words: readonly string[];
  /** False for an option this program's table of the module does not list. */
  readonly known: boolean;
}

/** `missing` when the words end where an option still wants a value; `stray` when they are no options at all. */
export type Options = readonly Option[] | 'missing' | 'stray';

/** Splits the words behind `-m MODULE`. Both spellings of a negation are read: `! --mark X` and the old `--mark ! X`. */
export function readOptions(module: string, words: readonly string[]): Options {
  const arities = optionsOfModule(module);
  const options: Option[] = [];
  for (let at = 0; at < words.length;) {
    const name = words[at] === '!' ? words[at + 1] : words[at];
    if (name === undefined) return 'missing';
    if (!name.startsWith('--')) return 'stray';
    const option = readOption(name, at, words, arities?.get(name));
    if (option === null) return 'missing';
    options.push(option);
    at += option.words.length;
  }
  return options;
}

function readOption(name: string, from: number, words: readonly string[], arity: number | undefined): Option | null {
  const before = words[from] === '!';
  const first = from + (before ? 2 : 1);
  const after = arity !== 0 && words[first] === '!' && !(words[first + 1] ?? '').startsWith('--');
  const start = after ? first + 1 : first;
  const end = arity === undefined ? endOfUnknown(words, start) : start + arity;
  if (end > words.length) return null;
  return {
    name,
    negated: before !== after,
    values: words.slice(start, end),
    words: words.slice(from, end),
    known: arity !== undefined,
  };
}

/** An unknown option takes everything up to what looks like the next one. */
function endOfUnknown(words: readonly string[], from: number): number {
  let at = from;
  while (at < words.length && words[at] !== '!' && !(words[at] ?? '').startsWith('--')) at++;
  return at;
}

/** `0x4000/0x4000`, `0x1`, `5`; a mask that is not printed is all ones. */
export function parseMark(text: string | undefined): { readonly value: number; readonly mask: number } | null {
  if (text === undefined) return null;
  const slash = text.indexOf('/');
  const value = parseWord32(slash < 0 ? text : text.slice(0, slash));
  const mask = slash < 0 ? 0xffff_ffff : parseWord32(text.slice(slash + 1));
  return value === null || mask === null ? null : { value, mask };
}

function parseWord32(text: string): number | null {
  if (!/^(?:0[xX][0-9a-fA-F]{1,8}|\d{1,10})$/.test(text)) return null;
  const value = Number(text);
  return value > 0xffff_ffff ? null : value;
}

/** A whole number from 0 to `most`, written in decimal digits alone. */
export function parseWhole(text: string | undefined, most: number): number | null {
  if (text === undefined || !/^\d{1,10}$/.test(text)) return null;
  const value = Number(text);
  return value > most ? null : value;
}
