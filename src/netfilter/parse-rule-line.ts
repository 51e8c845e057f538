import { matchesOf, unusualCommentAt, type RuleReader } from './parse-reader.ts';
import { readRule } from './parse-rule.ts';
import { foreign, note, type Damage, type SaveReader } from './parse-save-reader.ts';
import * as tables from './parse-table.ts';
import type { Counters, Rule } from './rules.ts';
import { afterBlanks, afterLineEnd, endOfCounters, endOfDigits, endOfName } from './save-line.ts';
import { isBlank, isLineEnd, scanRule, UNCLOSED } from './save-scan.ts';

const DASH = 45;
const BRACKET = 91;
const SPACE = 32;
const LETTER_A = 65;

/** `[PACKETS:BYTES] -A CHAIN …`, over more than one line when a quote holds newlines. */
export function readRuleLine(reader: SaveReader): Damage | null {
  const { text, table, rule, line } = reader;
  const start = reader.at;
  const counters = readCounters(reader);
  if (table === null || counters === 'bad' || !beginsRule(text, reader.at)) {
    reader.at = start;
    return foreign(reader);
  }
  const name = endOfName(text, reader.at + 3);
  const end = scanRule(text, name, rule.words);
  if (end === UNCLOSED) return { reason: `a quote in the rule at line ${line} is never closed`, line };
  const raw = text.slice(start, trimmedEnd(rule, name));
  const chain = chainAt(reader, table, reader.at + 3, name, raw);
  readRule(rule, (words, option) => tables.readTarget(table, words, option, line, raw));
  tables.addRule(table, makeRule(reader, chain, raw, counters));
  if (rule.reason !== null) note(reader, raw, rule.reason);
  if (rule.words.newlines > 0) note(reader, raw, `the rule goes on over ${rule.words.newlines + 1} lines`);
  reader.line += rule.words.newlines;
  reader.at = afterLineEnd(text, end);
  return null;
}

/** `-A ` and a name. */
function beginsRule(text: string, at: number): boolean {
  if (text.charCodeAt(at) !== DASH || text.charCodeAt(at + 1) !== LETTER_A) return false;
  return text.charCodeAt(at + 2) === SPACE && !isBlank(text.charCodeAt(at + 3)) && !isLineEnd(text, at + 3);
}

function trimmedEnd(rule: RuleReader, name: number): number {
  const { words } = rule;
  return words.count === 0 ? name : (words.ends[words.count - 1] ?? name);
}

/** Rules of one chain follow each other: its name is looked up once. */
function chainAt(reader: SaveReader, table: tables.OpenTable, from: number, to: number, raw: string): string {
  const { text, chain } = reader;
  if (chain !== null && to - from === chain.length && text.startsWith(chain, from)) return chain;
  reader.chain = tables.enterChain(table, text.slice(from, to), reader.line, raw);
  return reader.chain;
}

/** Shared by all idle rules. */
const NO_TRAFFIC: Counters = { packets: 0, bytes: 0 };

const NO_TARGET = { kind: 'none' } as const;

function makeRule(reader: SaveReader, chain: string, raw: string, counters: Counters | null): Rule {
  const { rule, line } = reader;
  const matches = matchesOf(rule);
  const { comment } = rule;
  const target = rule.target ?? NO_TARGET;
  const commentAt = unusualCommentAt(rule);
  if (rule.comments !== null) return { chain, line, raw, counters, matches, comment, comments: rule.comments, target };
  if (commentAt === null) return { chain, line, raw, counters, matches, comment, target };
  return { chain, line, raw, counters, matches, comment, commentAt, target };
}

const IDLE = '[0:0]';

/** `[5:300] ` before the rule; null without. */
function readCounters(reader: SaveReader): Counters | null | 'bad' {
  const { text, at } = reader;
  if (text.charCodeAt(at) !== BRACKET) return null;
  const end = endOfCounters(text, at);
  if (end === null) return 'bad';
  reader.at = afterBlanks(text, end);
  if (end === at + IDLE.length && text.startsWith(IDLE, at)) return NO_TRAFFIC;
  const colon = endOfDigits(text, at + 1);
  return { packets: Number(text.slice(at + 1, colon)), bytes: Number(text.slice(colon + 1, end - 1)) };
}
