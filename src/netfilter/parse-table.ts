import { parseTarget, NO_FLAGS } from './parse-target.ts';
import { rememberTarget } from './parse-intern.ts';
import { wordAt, wordsOf, type RuleReader } from './parse-reader.ts';
import type { ChainName, ParseNote, Rule, Table, TableName, Target } from './rules.ts';

/** A chain while its table is being read. */
interface OpenChain {
  readonly name: ChainName;
  policy: string | null;
  line: number | null;
  rules: Rule[];
}

/** A table between its `*name` and its COMMIT. */
export interface OpenTable {
  readonly name: TableName;
  readonly line: number;
  readonly chains: Map<ChainName, OpenChain>;
  /** Where a chain was first named that was not declared until then. */
  readonly used: Map<ChainName, { readonly line: number; readonly raw: string }>;
  /** Jumps made so far: 200,000 rules go to KUBE-MARK-MASQ. */
  readonly jumps: Map<ChainName, Target>;
  /** Rules of the chain at hand: a save keeps the rules of a chain together. */
  current: OpenChain | null;
  readonly pending: Rule[];
  count: number;
}

export function openTable(name: TableName, line: number): OpenTable {
  return { name, line, chains: new Map(), used: new Map(), jumps: new Map(), current: null, pending: [], count: 0 };
}

/** `:NAME POLICY`; returns what is odd about it. */
export function declareChain(table: OpenTable, name: ChainName, policy: string | null, line: number): string | null {
  const chain = table.chains.get(name);
  if (chain === undefined) {
    table.chains.set(name, { name, policy, line, rules: [] });
    return null;
  }
  const again = chain.line !== null;
  chain.policy = policy;
  chain.line ??= line;
  return again ? `chain ${name} is declared again` : null;
}

function chainOf(table: OpenTable, name: ChainName, line: number, raw: string): OpenChain {
  const known = table.chains.get(name);
  if (known !== undefined) return known;
  const chain = { name, policy: null, line: null, rules: [] };
  table.chains.set(name, chain);
  table.used.set(name, { line, raw });
  return chain;
}

/** Makes NAME the chain that {@link addRule} adds to; returns its name, so that all rules share one string. */
export function enterChain(table: OpenTable, name: ChainName, line: number, raw: string): ChainName {
  flush(table);
  table.current = chainOf(table, name, line, raw);
  return table.current.name;
}

export function addRule(table: OpenTable, rule: Rule): void {
  table.pending[table.count++] = rule;
}

/** A copy of exact size: an array that grew by pushing keeps room for sixteen more, in every one of 100,000 chains. */
function flush(table: OpenTable): void {
  const chain = table.current;
  if (chain === null || table.count === 0) return;
  if (chain.rules.length === 0) chain.rules = table.pending.slice(0, table.count);
  else for (let index = 0; index < table.count; index++) pushRule(chain.rules, table.pending[index]);
  table.count = 0;
}

function pushRule(rules: Rule[], rule: Rule | undefined): void {
  if (rule !== undefined) rules.push(rule);
}

/** The finished table; chains that were used and never declared are noted. */
export function closeTable(table: OpenTable, notes: ParseNote[]): Table {
  flush(table);
  for (const [name, use] of table.used) {
    if (table.chains.get(name)?.line !== null) continue;
    notes.push({
      line: use.line,
      text: use.raw,
      reason: `chain ${name} of table ${table.name} is used but not declared`,
    });
  }
  return { name: table.name, chains: table.chains };
}

const LETTER_G = 103;

/** Reads `-j` or `-g` at word `option` and all words behind it. A chain wins over a target of the same name. */
export function readTarget(table: OpenTable, reader: RuleReader, option: number, line: number, raw: string): void {
  const { text, words } = reader;
  const goes = text.charCodeAt((words.starts[option] ?? 0) + 1) === LETTER_G;
  const name = wordAt(reader, option + 1);
  const isBare = words.count === option + 2;
  const known = isBare && !goes ? table.jumps.get(name) : undefined;
  const chain = isBare && known === undefined ? table.chains.get(name) : undefined;
  if (known !== undefined) reader.target = known;
  else if (chain !== undefined && chain.line !== null) reader.target = targetOfChain(table, chain, goes);
  else if (!goes) reader.target = namedTarget(table, reader, option, name, line, raw);
  else if (isBare) reader.target = targetOfChain(table, chainOf(table, name, line, raw), goes);
  else reader.target = keep(reader, option);
}

const MOST_JUMPS = 4096;

function targetOfChain(table: OpenTable, chain: OpenChain, goes: boolean): Target {
  if (goes) return { kind: 'goto', chain: chain.name };
  const jump: Target = { kind: 'jump', chain: chain.name };
  if (table.jumps.size < MOST_JUMPS) table.jumps.set(chain.name, jump);
  return jump;
}

const TO_DESTINATION = '--to-destination';

function namedTarget(
  table: OpenTable,
  reader: RuleReader,
  option: number,
  name: string,
  line: number,
  raw: string,
): Target {
  const { text, words, intern } = reader;
  // The one target that is different in every rule, and there are 100,000 of them: nothing to remember.
  if (name === 'DNAT' && words.count === option + 4 && text.startsWith(TO_DESTINATION, words.starts[option + 2])) {
    const to = wordAt(reader, option + 3);
    if (!to.startsWith('--') && wordAt(reader, option + 2) === TO_DESTINATION)
      return { kind: 'dnat', to, flags: NO_FLAGS };
  }
  const key = text.slice(words.starts[option + 1], words.ends[words.count - 1]);
  const known = intern.targets.get(key);
  if (known !== undefined) return known;
  const target = parseTarget(name, wordsOf(reader, option + 2, words.count));
  if (target !== null) {
    rememberTarget(intern, key, target);
    return target;
  }
  const isBare = words.count === option + 2;
  return isBare ? targetOfChain(table, chainOf(table, name, line, raw), false) : keep(reader, option);
}

function keep(reader: RuleReader, option: number): Target {
  const { words } = reader;
  reader.reason ??= 'target was not understood';
  const from = Math.min(option + 1, words.count - 1);
  return { kind: 'unrecognised', text: reader.text.slice(words.starts[from], words.ends[words.count - 1]) };
}
