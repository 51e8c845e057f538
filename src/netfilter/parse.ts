import type { Family } from '../model/address.ts';
import { readRuleLine } from './parse-rule-line.ts';
import {
  createSaveReader,
  foreign,
  note,
  skipLine,
  takeLine,
  type Damage,
  type SaveReader,
} from './parse-save-reader.ts';
import * as tables from './parse-table.ts';
import type { Backend, ParsedSave } from './rules.ts';
import { afterBlanks, afterLineEnd, endOfCounters, endOfName } from './save-line.ts';
import { isBlank, isLineEnd } from './save-scan.ts';

/** What is known of a save besides its text. */
export interface SaveOrigin {
  readonly family: Family;
  readonly backend: Backend;
  /** Name of the evidence file; proof quotes it. */
  readonly source: string;
}

/**
 * Reads the whole output of one `iptables-save` or `ip6tables-save`, with or without `-c`.
 *
 * Complete is only what proves to be: every table ends with its COMMIT and nothing stands outside. Anything else is
 * *incomplete* as a whole, because a rule that was cut off looks exactly like a rule that is missing. An empty text is
 * complete: `iptables-nft-save` prints nothing when no table exists.
 */
export function parseSave(text: string, about: SaveOrigin): ParsedSave {
  const reader = createSaveReader(text, about.family);
  const damage = refuse(text) ?? readLines(reader) ?? unclosedTable(reader);
  const { notes } = reader;
  if (damage !== null) return { status: 'incomplete', reason: damage.reason, line: damage.line, notes };
  const { family, backend, source } = about;
  return { status: 'complete', ruleset: { family, backend, source, tables: reader.closed }, notes };
}

/** The kernel cannot hold a NUL in any name or comment. */
function refuse(text: string): Damage | null {
  const nul = text.indexOf('\0');
  if (nul < 0) return null;
  return { reason: 'this is no text: it contains a NUL character', line: text.slice(0, nul).split('\n').length };
}

function unclosedTable(reader: SaveReader): Damage | null {
  const { table, line } = reader;
  if (table === null) return null;
  const reason = `table ${table.name}, opened at line ${table.line}, has no COMMIT: the text ends at line ${line}`;
  return { reason, line };
}

const HASH = 35;
const DASH = 45;
const COLON = 58;
const ASTERISK = 42;
const BRACKET = 91;

function readLines(reader: SaveReader): Damage | null {
  const { text } = reader;
  while (reader.at < text.length) {
    reader.line++;
    let code = text.charCodeAt(reader.at);
    while (isBlank(code)) code = text.charCodeAt(++reader.at);
    const damage = readLine(reader, code);
    if (damage !== null) return damage;
  }
  return null;
}

function readLine(reader: SaveReader, code: number): Damage | null {
  switch (code) {
    case BRACKET:
    case DASH:
      return readRuleLine(reader);
    case COLON:
      return readChain(reader);
    case ASTERISK:
      return readTableName(reader);
    case HASH:
      return readRemark(reader);
    default:
      return isLineEnd(reader.text, reader.at) ? skipLine(reader) : readCommit(reader);
  }
}

/** These tables decide where packets for a Service go: without one of them nothing can be said. */
const DECISIVE: ReadonlySet<string> = new Set(['nat', 'filter']);

const INCOMPATIBLE = /^# Table [`']([^`']*)[`'] is incompatible, use 'nft' tool/;

function readRemark(reader: SaveReader): Damage | null {
  const line = takeLine(reader);
  const name = INCOMPATIBLE.exec(line)?.[1];
  if (name === undefined) return null;
  const reason = `table ${name} holds rules that only the nft tool can print`;
  return DECISIVE.has(name) ? { reason, line: reader.line } : note(reader, line, reason);
}

function readCommit(reader: SaveReader): Damage | null {
  const { text, at, table } = reader;
  if (!text.startsWith('COMMIT', at)) return foreign(reader);
  const line = takeLine(reader);
  if (line !== 'COMMIT') {
    reader.at = at;
    return foreign(reader);
  }
  if (table === null) return note(reader, line, 'COMMIT outside of any table');
  reader.closed.set(table.name, tables.closeTable(table, reader.notes));
  reader.table = null;
  reader.chain = null;
  return null;
}

function readTableName(reader: SaveReader): Damage | null {
  const { table, line } = reader;
  const name = takeLine(reader).slice(1);
  if (table !== null) return { reason: `table ${name} begins before the COMMIT of table ${table.name}`, line };
  if (name === '' || name.includes(' ')) return { reason: `line ${line} begins a table without a proper name`, line };
  const first = reader.opened.get(name);
  if (first !== undefined) return { reason: `table ${name} appears again, first at line ${first}`, line };
  reader.opened.set(name, line);
  reader.table = tables.openTable(name, line);
  return null;
}

/** `:NAME POLICY [PACKETS:BYTES]`. */
function readChain(reader: SaveReader): Damage | null {
  const { text, table, line, at } = reader;
  if (table === null) return foreign(reader);
  const nameEnd = endOfName(text, at + 1);
  const policyAt = afterBlanks(text, nameEnd);
  const policyEnd = endOfName(text, policyAt);
  const end = endOfCounters(text, afterBlanks(text, policyEnd));
  if (nameEnd === at + 1 || policyEnd === policyAt) {
    return { reason: `line ${line} declares a chain without name or policy`, line };
  }
  const name = text.slice(at + 1, nameEnd);
  const policy =
    policyEnd === policyAt + 1 && text.charCodeAt(policyAt) === DASH ? null : text.slice(policyAt, policyEnd);
  const odd = tables.declareChain(table, name, policy, line);
  if (odd === null && end !== null && isLineEnd(text, afterBlanks(text, end))) {
    reader.at = afterLineEnd(text, end);
    return null;
  }
  return note(reader, takeLine(reader), odd ?? `chain ${name} is declared without proper counters`);
}
