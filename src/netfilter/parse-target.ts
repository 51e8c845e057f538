import { parseMark } from './parse-options.ts';
import type { Target } from './rules.ts';
import { fateAtTarget } from './save-targets.ts';

/** Shared by the many targets that carry no flag. */
export const NO_FLAGS: readonly string[] = [];

/**
 * Meaning of `-j NAME WORDS…` for a NAME that is no chain of the table. Null when it is not understood: then it is
 * either text to be kept or, without words, a jump to a chain that was never declared.
 */
export function parseTarget(name: string, words: readonly string[]): Target | null {
  if (words.some((word) => word === '[unsupported')) return null;
  switch (name) {
    case 'ACCEPT':
      return bare(words, { kind: 'accept' });
    case 'DROP':
      return bare(words, { kind: 'drop' });
    case 'RETURN':
      return bare(words, { kind: 'return' });
    case 'REJECT':
      return reject(words);
    case 'DNAT':
      return translation('dnat', '--to-destination', words);
    case 'SNAT':
      return translation('snat', '--to-source', words);
    case 'MASQUERADE':
      return masquerade(words);
    case 'MARK':
      return mark('mark', words);
    case 'CONNMARK':
      return mark('connmark-set', words) ?? connmark(words);
    default:
      return unmodelled(name, words);
  }
}

function bare(words: readonly string[], target: Target): Target | null {
  return words.length === 0 ? target : null;
}

function reject(words: readonly string[]): Target | null {
  if (words.length === 0) return { kind: 'reject', with: null };
  const [option, type] = words;
  return option === '--reject-with' && type !== undefined && words.length === 2 ? { kind: 'reject', with: type } : null;
}

interface Translation {
  readonly to: string | null;
  readonly flags: readonly string[];
}

/** Options of a NAT target: one destination at most. A second one is how a binary prints what it cannot read. */
function readTranslation(option: string, words: readonly string[]): Translation | null {
  const at = words.indexOf(option);
  const to = at < 0 ? null : words[at + 1];
  if (to === undefined || (to !== null && to.startsWith('--'))) return null;
  const flags = at < 0 ? words : [...words.slice(0, at), ...words.slice(at + 2)];
  if (!flags.every((flag) => flag.startsWith('--') && flag !== option)) return null;
  return { to, flags: flags.length === 0 ? NO_FLAGS : flags };
}

function translation(kind: 'dnat' | 'snat', option: string, words: readonly string[]): Target | null {
  const read = readTranslation(option, words);
  return read === null ? null : { kind, to: read.to, flags: read.flags };
}

function masquerade(words: readonly string[]): Target | null {
  const read = readTranslation('--to-ports', words);
  return read === null ? null : { kind: 'masquerade', toPorts: read.to, flags: read.flags };
}

/**
 * All of MARK's spellings are one operation: mark = (mark & ~M) ^ V. iptables prints `--set-xmark` since 1.4.1, older
 * versions printed what was written.
 */
function mark(kind: 'mark' | 'connmark-set', words: readonly string[]): Target | null {
  const [option, text] = words;
  const bits = parseMark(text);
  if (bits === null || words.length !== 2) return null;
  const { value, mask } = bits;
  if (option === '--set-xmark') return { kind, value, mask };
  if (option === '--set-mark') return { kind, value, mask: (value | mask) >>> 0 };
  if (option === '--or-mark') return { kind, value, mask: value };
  if (option === '--xor-mark') return { kind, value, mask: 0 };
  return option === '--and-mark' ? { kind, value: 0, mask: ~value >>> 0 } : null;
}

function connmark(words: readonly string[]): Target | null {
  const copies = words[0] === '--save-mark' || words[0] === '--restore-mark';
  return copies ? { kind: 'connmark', options: words } : null;
}

function unmodelled(name: string, words: readonly string[]): Target | null {
  const fate = fateAtTarget(name);
  return fate === null ? null : { kind: fate, name, options: words };
}
