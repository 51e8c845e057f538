import type { Family } from '../model/address.ts';
import { describeForeign } from './parse-foreign.ts';
import { createIntern } from './parse-intern.ts';
import { createRuleReader, type RuleReader } from './parse-reader.ts';
import type { OpenTable } from './parse-table.ts';
import type { ParseNote, Table, TableName } from './rules.ts';
import { createRuleWords } from './save-scan.ts';

/** Where the reading of one save stands. */
export interface SaveReader {
  readonly text: string;
  at: number;
  line: number;
  table: OpenTable | null;
  /** Name of the chain the last rule belongs to, as shared by its rules. */
  chain: string | null;
  readonly closed: Map<TableName, Table>;
  readonly opened: Map<TableName, number>;
  readonly notes: ParseNote[];
  readonly rule: RuleReader;
}

/** Why the text is no complete save, and the line that shows it. */
export interface Damage {
  readonly reason: string;
  readonly line: number;
}

const BYTE_ORDER_MARK = '\ufeff';

export function createSaveReader(text: string, family: Family): SaveReader {
  const rule = createRuleReader(text, family, createRuleWords(), createIntern());
  const at = text.startsWith(BYTE_ORDER_MARK) ? 1 : 0;
  return { text, at, line: 0, table: null, chain: null, closed: new Map(), opened: new Map(), notes: [], rule };
}

/** The rest of the line, without blanks at its end; goes to the next line. */
export function takeLine(reader: SaveReader): string {
  const { text, at } = reader;
  const newline = text.indexOf('\n', at);
  const end = newline < 0 ? text.length : newline;
  reader.at = end + 1;
  return text.slice(at, end).trimEnd();
}

export function skipLine(reader: SaveReader): null {
  takeLine(reader);
  return null;
}

export function foreign(reader: SaveReader): Damage {
  const line = takeLine(reader);
  const where = reader.table === null ? '' : ` in table ${reader.table.name}`;
  return {
    reason: `line ${reader.line}${where} is none of iptables-save: ${describeForeign(line)}`,
    line: reader.line,
  };
}

export function note(reader: SaveReader, text: string, reason: string): null {
  reader.notes.push({ line: reader.line, text, reason });
  return null;
}
