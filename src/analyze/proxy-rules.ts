import type { Chain, Rule, Ruleset, Table } from '../netfilter/rules.ts';

const known = new WeakMap<Ruleset, Ruleset>();

/**
 * The rule set as if kube-proxy were alone on the node: its own chains whole, of the built-in chains only what leads
 * into them, no policy. An impact compares kube-proxy's rules as they are with those it should have written; what other
 * software does to packets before or after is the same in both.
 */
export function proxyRules(ruleset: Ruleset): Ruleset {
  const made = known.get(ruleset) ?? { ...ruleset, tables: mapValues(ruleset.tables, proxyTable) };
  known.set(ruleset, made);
  return made;
}

function proxyTable(table: Table): Table {
  return { ...table, chains: mapValues(table.chains, (chain) => (chain.policy === null ? chain : proxyChain(chain))) };
}

function proxyChain(chain: Chain): Chain {
  return { ...chain, policy: 'ACCEPT', rules: chain.rules.filter(leadsToProxy) };
}

/** KUBE-ROUTER chains belong to a CNI plugin. */
export function leadsToProxy({ target }: Rule): boolean {
  return target.kind === 'jump' && target.chain.startsWith('KUBE-') && !target.chain.startsWith('KUBE-ROUTER-');
}

function mapValues<K, V>(map: ReadonlyMap<K, V>, change: (value: V) => V): ReadonlyMap<K, V> {
  return new Map([...map].map(([key, value]) => [key, change(value)]));
}
