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

function surplusOf(chains: readonly ChainComparison[]): readonly OddRule[] {
  return chains.flatMap(({ expected, list }) => list.surplus.map((rule) => ({ table: expected.table, rule })));
}

/** In a chain of entries every rule is for one address and port, but for the way on to KUBE-NODEPORTS. */
function unaddressed(expected: ExpectedNode, index: RuleIndex): readonly OddRule[] {
  return SHARED_CHAINS.flatMap(([table, name]) =>
    (index.chain(table, name)?.rules ?? [])
      .filter((rule) => destinationOf(rule).port === null)
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
  return status === 'present' ? rules.length === 1 : status === 'absent' && expected.presence === 'accepted';
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
  const actual = (chain?.rules ?? []).filter((rule) => !isBalancing(rule));
  return { expected, list: compareList(wanted, chain, actual) };
}
