import { readdirSync, readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Family } from '../../src/model/address.ts';
import { parseSave } from '../../src/netfilter/parse.ts';
import type { Match, Rule, Ruleset, Target } from '../../src/netfilter/rules.ts';

/** One save that a real iptables printed. */
export interface RecordedSave {
  readonly name: string;
  readonly family: Family;
  readonly text: string;
}

const FIXTURES = fileURLToPath(new URL('../fixtures/', import.meta.url));

function savesUnder(folder: string): readonly RecordedSave[] {
  return readdirSync(FIXTURES + folder, { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('-save'))
    .sort()
    .map((path) => ({
      name: path,
      family: basename(path).includes('ip6tables') ? 'IPv6' : 'IPv4',
      text: readFileSync(`${FIXTURES}${folder}/${path}`, 'utf8'),
    }));
}

/** Saves of the tools beside kube-proxy. */
export const TOOL_SAVES = savesUnder('saves');

/** Those and the saves of recorded clusters. */
export const ALL_SAVES = [...TOOL_SAVES, ...savesUnder('recordings')];

/** The ruleset of a text that must be complete. */
export function completeRuleset(text: string, family: Family = 'IPv4'): Ruleset {
  const save = parseSave(text, { family, backend: 'nft', source: 'iptables-nft-save' });
  if (save.status === 'incomplete') throw new Error(`line ${save.line}: ${save.reason}`);
  return save.ruleset;
}

/** Every rule, table by table and chain by chain. */
export function rulesOf(ruleset: Ruleset): readonly Rule[] {
  return [...ruleset.tables.values()].flatMap((table) => [...table.chains.values()].flatMap((chain) => chain.rules));
}

/** One rule of table filter as the parser reads it; chains `A` and `B` are declared. */
export function ruleOf(words: string, family: Family = 'IPv4'): Rule {
  const [rule] = rulesOf(completeRuleset(`*filter\n:A - [0:0]\n:B - [0:0]\n-A A ${words}\nCOMMIT\n`, family));
  if (rule === undefined) throw new Error(`no rule came of ${words}`);
  return rule;
}

export function matchesOf(words: string, family: Family = 'IPv4'): readonly Match[] {
  return ruleOf(words, family).matches;
}

export function targetOf(words: string): Target {
  return ruleOf(words).target;
}
