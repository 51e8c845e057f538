import { parseAddress, parseNamed } from './parse-header.ts';
import { rememberPiece, type Piece } from './parse-intern.ts';
import * as rule from './parse-reader.ts';
import type { RuleReader } from './parse-reader.ts';
import { BANG, type RuleWords } from './save-scan.ts';

/** Position of the value behind `-s`, `-i`, …: after a `!` in the spelling before 1.4.3, `-s ! 10.0.0.0/8`. */
function valueAt(words: RuleWords, option: number): number {
  return words.kinds[option + 1] === BANG ? option + 2 : option + 1;
}

export function readAddress(reader: RuleReader, at: number, option: number): number {
  const value = valueAt(reader.words, option);
  if (value >= reader.words.count) return rule.readStray(reader, at);
  const address = rule.wordAt(reader, value);
  const host = address.endsWith('/32') || address.endsWith('/128') || !address.includes('/');
  const known = host ? undefined : reader.intern.pieces.get(rule.sliceOf(reader, at, value + 1));
  if (known === undefined) addAddress(reader, at, option, value, address, host);
  else addMatchBeforeList(reader, known);
  return value + 1;
}

function addAddress(reader: RuleReader, at: number, option: number, value: number, text: string, host: boolean): void {
  const negated = option > at !== value > option + 1;
  const match = parseAddress(rule.wordAt(reader, option) === '-s' ? '-s' : '-d', negated, text, reader.family);
  if (match === null) {
    rule.readStrayWords(reader, at, value + 1, `${text} is no ${reader.family} address`);
    return;
  }
  const piece = { matches: [match], header: true };
  if (!host) rememberPiece(reader.intern, rule.sliceOf(reader, at, value + 1), piece);
  addMatchBeforeList(reader, piece);
}

function addMatchBeforeList(reader: RuleReader, piece: Piece): void {
  if (reader.own !== null || reader.list !== reader.intern.root) rule.addOwn(reader, piece.matches);
  else reader.addresses.push(...piece.matches);
}

export function readNamed(reader: RuleReader, at: number, option: number): number {
  const value = valueAt(reader.words, option);
  if (value >= reader.words.count) return rule.readStray(reader, at);
  const text = rule.sliceOf(reader, at, value + 1);
  const known = reader.intern.pieces.get(text);
  if (known !== undefined) {
    rule.addPiece(reader, known);
    return value + 1;
  }
  const match = parseNamed(rule.wordAt(reader, option), option > at !== value > option + 1, rule.wordAt(reader, value));
  if (match === null) return rule.readStray(reader, at);
  const piece = { matches: [match], header: true };
  rememberPiece(reader.intern, text, piece);
  rule.addPiece(reader, piece);
  return value + 1;
}
