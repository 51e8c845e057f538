import type { Family } from '../model/address.ts';
import { extendList, type Intern, type MatchList, type Piece } from './parse-intern.ts';
import type { Match, PlacedComment, Target } from './rules.ts';
import { headersOf } from './save-header.ts';
import { BANG, SHORT_OPTION, type RuleWords } from './save-scan.ts';

/** Everything one rule is read with, and what came of it so far. One object serves a whole save. */
export interface RuleReader {
  readonly text: string;
  readonly family: Family;
  readonly words: RuleWords;
  readonly intern: Intern;
  /** Host addresses, printed first: unique to the rule and therefore not in `list`. */
  addresses: Match[];
  list: MatchList;
  /** All matches, once something came that `list` cannot hold. */
  own: Match[] | null;
  comment: string | null;
  commentAt: number;
  /** All comments, once there is a second one. */
  comments: PlacedComment[] | null;
  target: Target | null;
  /** Why a part of the rule was not understood. */
  reason: string | null;
}

export function createRuleReader(text: string, family: Family, words: RuleWords, intern: Intern): RuleReader {
  return {
    text,
    family,
    words,
    intern,
    addresses: [],
    list: intern.root,
    own: null,
    comment: null,
    commentAt: 0,
    comments: null,
    target: null,
    reason: null,
  };
}

/** Forgets the rule before. */
export function resetReader(reader: RuleReader): void {
  reader.addresses = [];
  reader.list = reader.intern.root;
  reader.own = null;
  reader.comment = null;
  reader.commentAt = 0;
  reader.comments = null;
  reader.target = null;
  reader.reason = null;
}

/** The word's text; empty past the last word. */
export function wordAt(reader: RuleReader, index: number): string {
  const { text, words } = reader;
  return index < words.count ? text.slice(words.starts[index], words.ends[index]) : '';
}

/** The line's own text from one word to before another. */
export function sliceOf(reader: RuleReader, from: number, to: number): string {
  return reader.text.slice(reader.words.starts[from], reader.words.ends[to - 1]);
}

/** Words `from` to before `to`. */
export function wordsOf(reader: RuleReader, from: number, to: number): string[] {
  const result: string[] = [];
  for (let index = from; index < to; index++) result.push(wordAt(reader, index));
  return result;
}

/** Adds what was read to the rule. */
export function addPiece(reader: RuleReader, piece: Piece): void {
  if (reader.own === null) reader.list = extendList(reader.list, piece);
  else reader.own.push(...piece.matches);
}

/** Adds something that is kept in no list. */
export function addOwn(reader: RuleReader, matches: readonly Match[]): void {
  reader.own ??= [...reader.addresses, ...reader.list.matches];
  reader.own.push(...matches);
}

/** How many matches the rule has so far. */
export function countOf(reader: RuleReader): number {
  return reader.own === null ? reader.addresses.length + reader.list.matches.length : reader.own.length;
}

/** All matches of the rule just read. */
export function matchesOf(reader: RuleReader): readonly Match[] {
  if (reader.own !== null) return reader.own;
  const { addresses, list } = reader;
  if (addresses.length === 0) return list.matches;
  return list.matches.length === 0 ? addresses : addresses.concat(list.matches);
}

/** Says why a part was not understood; the first reason of a rule stands. */
export function fail(reader: RuleReader, reason: string): void {
  reader.reason ??= reason;
}

/** Not one word of a rule is dropped: what fits nowhere is kept as text. */
export function readStray(reader: RuleReader, from: number): number {
  const { words } = reader;
  let to = from + 1;
  if (words.kinds[from] === BANG && words.kinds[to] === SHORT_OPTION) to++;
  while (to < words.count && !beginsPart(words, to)) to++;
  addOwn(reader, [{ kind: 'unrecognised', text: sliceOf(reader, from, to) }]);
  fail(reader, 'text that belongs to no match');
  return to;
}

/** True for `-x` and `! -x`. */
export function beginsPart(words: RuleWords, at: number): boolean {
  const option = words.kinds[at] === BANG ? at + 1 : at;
  return words.kinds[option] === SHORT_OPTION && option < words.count;
}

/** Keeps words `from` to before `to` as text. */
export function readStrayWords(reader: RuleReader, from: number, to: number, reason: string): void {
  addOwn(reader, [{ kind: 'unrecognised', text: sliceOf(reader, from, to) }]);
  fail(reader, reason);
}

/** Where the comment of the rule just read stands, when not after the header matches. */
export function unusualCommentAt(reader: RuleReader): number | null {
  if (reader.comment === null || reader.comments !== null) return null;
  const usual = reader.own === null ? reader.addresses.length + reader.list.headers : headersOf(reader.own);
  return reader.commentAt === usual ? null : reader.commentAt;
}
