import type { Chain, ChainName, Rule, Ruleset, TableName } from '../netfilter/rules.ts';

/**
 * Look-ups into one rule set that every comparison needs: built once, so that ten thousand Services cost one pass over
 * the shared chains and not ten thousand.
 */
export interface RuleIndex {
  readonly ruleset: Ruleset;
  chain(table: TableName, name: ChainName): Chain | null;
  /** Rules of this chain for this destination, protocol and port; address null: rules without `-d` or with a range. */
  atAddress(
    table: TableName,
    chain: ChainName,
    address: string | null,
    protocol: string,
    port: number,
  ): readonly Rule[];
  /** Rules of built-in and shared chains, not of a Service's own, that jump or go to this chain, in save order. */
  leadingTo(table: TableName, target: ChainName): readonly Rule[];
}

const NO_RULES: readonly Rule[] = [];

export function indexRules(ruleset: Ruleset): RuleIndex {
  const addresses = new Map<Chain, Map<string, Rule[]>>();
  const targets = new Map<TableName, Map<ChainName, Rule[]>>();
  const chain = (table: TableName, name: ChainName): Chain | null =>
    ruleset.tables.get(table)?.chains.get(name) ?? null;
  return {
    ruleset,
    chain,
    atAddress(table, name, address, protocol, port) {
      const found = chain(table, name);
      if (found === null) return NO_RULES;
      const known = addresses.get(found) ?? remember(addresses, found, indexAddresses(found));
      return known.get(addressKey(address, protocol, port)) ?? NO_RULES;
    },
    leadingTo(table, target) {
      const known = targets.get(table) ?? remember(targets, table, indexTargets(ruleset, table));
      return known.get(target) ?? NO_RULES;
    },
  };
}

function remember<K, V>(map: Map<K, V>, key: K, value: V): V {
  map.set(key, value);
  return value;
}

function addressKey(address: string | null, protocol: string, port: number): string {
  return `${address ?? '*'} ${protocol} ${port}`;
}

function indexAddresses(chain: Chain): Map<string, Rule[]> {
  const index = new Map<string, Rule[]>();
  for (const rule of chain.rules) {
    const { address, protocol, port } = destinationOf(rule);
    if (port !== null) append(index, addressKey(address, protocol, port), rule);
  }
  return index;
}

/** Chains of one Service port or endpoint: nearly all there are. */
const OWN_CHAIN = /^KUBE-(?:SVC|SVL|EXT|XLB|FW|SEP)-/;

function indexTargets(ruleset: Ruleset, table: TableName): Map<ChainName, Rule[]> {
  const index = new Map<ChainName, Rule[]>();
  for (const chain of ruleset.tables.get(table)?.chains.values() ?? []) {
    if (OWN_CHAIN.test(chain.name)) continue;
    for (const rule of chain.rules) {
      if (rule.target.kind === 'jump' || rule.target.kind === 'goto') append(index, rule.target.chain, rule);
    }
  }
  return index;
}

function append<K>(index: Map<K, Rule[]>, key: K, rule: Rule): void {
  const list = index.get(key);
  if (list === undefined) index.set(key, [rule]);
  else list.push(rule);
}

/** What an entry rule selects: one host address or null, `-p` and a single `--dport` or null. */
export function destinationOf(rule: Rule): { address: string | null; protocol: string; port: number | null } {
  let address: string | null = null;
  let protocol = '';
  let port: number | null = null;
  for (const match of rule.matches) {
    if (match.kind === 'destination' && !match.negated && isHost(match.cidr)) address = match.cidr.base;
    else if (match.kind === 'protocol' && !match.negated) protocol = match.protocol;
    else if (match.kind === 'destination-port' && !match.negated && match.range.from === match.range.to) {
      port = match.range.from;
    }
  }
  return { address, protocol, port };
}

function isHost(cidr: { readonly base: string; readonly prefix: number }): boolean {
  return cidr.prefix === (cidr.base.includes(':') ? 128 : 32);
}
