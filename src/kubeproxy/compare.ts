import type { Chain } from '../netfilter/rules.ts';
import { compareBalancing, isBalancing, type BalancingComparison } from './compare-balancing.ts';
import { compareEntries, type EntryComparison, type SurplusEntry } from './compare-entries.ts';
import { compareList, type ListComparison } from './compare-list.ts';
import type { ExpectedChain, ExpectedNode, ExpectedRule, ExpectedServicePort } from './expectation.ts';
import type { RuleIndex } from './rule-index.ts';
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
  return {
    expected,
    missingJumps: missing(expected.jumps),
    missingNodePortsJumps: missing(expected.nodePortsJumps),
    chains: expected.chains.map((chain) => compareChain(chain, index)),
  };
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
