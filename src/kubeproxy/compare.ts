import type { Chain, Rule, TableName } from '../netfilter/rules.ts';
import { compareBalancing, isBalancing, type BalancingComparison } from './compare-balancing.ts';
import { compareEntries, SHARED_CHAINS, type EntryComparison, type SurplusEntry } from './compare-entries.ts';
import { compareList, isSameList, type ListComparison } from './compare-list.ts';
import type { ExpectedChain, ExpectedNode, ExpectedRule, ExpectedServicePort } from './expectation.ts';
import { destinationOf, type RuleIndex } from './rule-index.ts';
import { isExpected } from './same-rule.ts';

/** Everything in which the rules of one Service port on one node differ from what kube-proxy should have written. */
export interface PortComparison {
  readonly expected: ExpectedServicePort;
  readonly entries: readonly EntryComparison[];
  readonly surplusEntries: readonly SurplusEntry[];
  /** The port's chains without SEP chains, and without their balancing rules. */
  readonly chains: readonly ChainComparison[];
  readonly balancing: readonly BalancingComparison[];
  /** One for each endpoint that must be reachable. */
  readonly seps: readonly ChainComparison[];
}

export interface ChainComparison {
  readonly expected: ExpectedChain;
  readonly list: ListComparison;
}

/** The same for what belongs to no Service. */
export interface NodeComparison {
  readonly expected: ExpectedNode;
  readonly missingJumps: readonly ExpectedRule[];
  /** Required KUBE-NODEPORTS jumps that are not in KUBE-SERVICES. */
  readonly missingNodePortsJumps: readonly ExpectedRule[];
  readonly chains: readonly ChainComparison[];
  /** Rules in chains shared by all Services that are not of a kind kube-proxy writes: they may catch any packet. */
  readonly oddRules: readonly OddRule[];
}

export interface OddRule {
  readonly table: TableName;
  readonly rule: Rule;
}

export function comparePort(expected: ExpectedServicePort, index: RuleIndex): PortComparison {
  const { entries, surplus } = compareEntries(expected, index);
  const own = expected.chains.filter((chain) => chain.role !== 'sep');
  return {
    expected,
    entries,
    surplusEntries: surplus,
    chains: own.map((chain) => compareOwnChain(chain, index)),
    balancing: own.filter(balances).map((chain) => compareBalancing(chain, index)),
    seps: expected.chains.filter((chain) => chain.role === 'sep').map((chain) => compareChain(chain, index)),
  };
}

export function compareNode(expected: ExpectedNode, index: RuleIndex): NodeComparison {
  const isThere = (wanted: ExpectedRule): boolean =>
    (index.chain(wanted.table, wanted.rule.chain)?.rules ?? []).some((rule) => isExpected(wanted, rule));
  const missing = (wanted: readonly ExpectedRule[]): readonly ExpectedRule[] =>
    wanted.filter((rule) => rule.presence === 'required' && !isThere(rule));
  const chains = expected.chains.map((chain) => compareChain(chain, index));
  return {
    expected,
    missingJumps: missing(expected.jumps),
    missingNodePortsJumps: missing(expected.nodePortsJumps),
    chains,
    oddRules: [...surplusOf(chains), ...unaddressed(expected, index)],
  };
}

/** Chains whose rules may be for the node's own addresses, as addrtype or the way into the chain says. */
const OF_NODE_ADDRESSES: ReadonlySet<string> = new Set(['nat KUBE-NODEPORTS', 'filter KUBE-EXTERNAL-SERVICES']);

function isAddressed(table: TableName, rule: Rule): boolean {
  const { address, port } = destinationOf(rule);
  if (port === null) return false;
  if (address !== null) return true;
  const excludes = rule.matches.some((match) => match.kind === 'destination' && match.negated);
  if (excludes || !OF_NODE_ADDRESSES.has(`${table} ${rule.chain}`)) return false;
  return table === 'nat' || rule.matches.some((match) => match.kind === 'address-type' && match.side === 'destination');
}

function surplusOf(chains: readonly ChainComparison[]): readonly OddRule[] {
  return chains.flatMap(({ expected, list }) => list.surplus.map((rule) => ({ table: expected.table, rule })));
}

/** In a chain of entries every rule is for one address and port, but for the way on to KUBE-NODEPORTS. */
function unaddressed(expected: ExpectedNode, index: RuleIndex): readonly OddRule[] {
  return SHARED_CHAINS.flatMap(([table, name]) =>
    (index.chain(table, name)?.rules ?? [])
      .filter((rule) => !isAddressed(table, rule))
      .filter((rule) => !expected.nodePortsJumps.some((jump) => isExpected(jump, rule)))
      .map((rule) => ({ table, rule })),
  );
}

/** True when nothing at all differs from what is expected of the port. */
export function isAsExpected(comparison: PortComparison): boolean {
  return (
    comparison.surplusEntries.length === 0 &&
    comparison.entries.every((entry) => isRight(entry)) &&
    [...comparison.chains, ...comparison.seps].every(({ list }) => isSameList(list)) &&
    comparison.balancing.every((list) => list.even && list.members.length === list.wanted.length)
  );
}

/** How many rules differ: of several things the rules may have been meant to be, they are the one with the fewest. */
export function countDifferences(comparison: PortComparison): number {
  const lists = [...comparison.chains, ...comparison.seps].map(
    ({ list }) => list.missing.length + list.misplaced.length + list.duplicates.length + list.surplus.length,
  );
  const balancing = comparison.balancing.map(
    (list) => list.missing.length + list.doubled.length + list.foreign.length + list.conditional.length,
  );
  const entries = comparison.entries.filter((entry) => !isRight(entry)).length;
  return [...lists, ...balancing].reduce((sum, count) => sum + count, entries + comparison.surplusEntries.length);
}

function isRight({ expected, status, rules }: EntryComparison): boolean {
  if (status !== 'present') return status === 'absent' && expected.presence === 'accepted';
  // Every port of a Service writes a rule for its one health-check port.
  return rules.length === 1 || expected.role === 'health-check-accept';
}

function balances(chain: ExpectedChain): boolean {
  return chain.rules.some((rule) => rule.role === 'balance');
}

function compareChain(expected: ExpectedChain, index: RuleIndex): ChainComparison {
  const chain = index.chain(expected.table, expected.name);
  return { expected, list: compareList(expected.rules, chain, chain?.rules ?? []) };
}

/** The balancing list is compared by what it does, see {@link compareBalancing}; the rest of the chain as a list. */
function compareOwnChain(expected: ExpectedChain, index: RuleIndex): ChainComparison {
  const chain: Chain | null = index.chain(expected.table, expected.name);
  const wanted = expected.rules.filter((rule) => rule.role !== 'balance');
  const all = chain?.rules ?? [];
  const actual = all.filter((rule) => !isBalancing(rule));
  const list = compareList(wanted, chain, actual);
  const late = lateRules(
    all,
    wanted.filter((rule) => !list.misplaced.some((other) => other.expected === rule)),
  );
  return { expected, list: late.length === 0 ? list : { ...list, misplaced: [...list.misplaced, ...late] } };
}

/** Marks and affinity come before the balancing list: behind it no packet reaches them. */
function lateRules(all: readonly Rule[], wanted: readonly ExpectedRule[]): ListComparison['misplaced'] {
  const balancing = all.findIndex(isBalancing);
  if (balancing < 0 || wanted.length === 0) return [];
  const before = all.slice(0, balancing);
  // Nearly always as many rules stand before it as are wanted there.
  if (before.length === all.filter((rule) => !isBalancing(rule)).length) return [];
  return wanted.flatMap((expected) => {
    if (before.some((rule) => isExpected(expected, rule))) return [];
    const actual = all.slice(balancing).find((rule) => isExpected(expected, rule));
    return actual === undefined ? [] : [{ expected, actual }];
  });
}
