import type { Chain, ChainName, Rule, TableName } from '../netfilter/rules.ts';
import type { ExpectedChain, ExpectedRule } from './expectation.ts';
import type { RuleIndex } from './rule-index.ts';

/** One rule of a balancing list: where it leads and with which chance it is taken when it is reached. */
export interface BalancingMember {
  readonly rule: Rule;
  readonly sep: ChainName;
  /** 0 to 1; 1 without a statistic match; null when another match decides too. */
  readonly probability: number | null;
  /** Destinations of the DNAT rules in the SEP chain, in order; null when the chain is not there. */
  readonly destinations: readonly string[] | null;
}

/** A KUBE-SVC, KUBE-SVL or KUBE-XLB chain's balancing list against the endpoints it should spread over. */
export interface BalancingComparison {
  readonly expected: ExpectedChain;
  readonly chain: Chain | null;
  readonly wanted: readonly ExpectedRule[];
  readonly members: readonly BalancingMember[];
  /** Endpoints without a rule. */
  readonly missing: readonly ExpectedRule[];
  /** Endpoints with more than one rule. */
  readonly doubled: readonly { readonly expected: ExpectedRule; readonly members: readonly BalancingMember[] }[];
  /** Rules that lead to a chain of no expected endpoint. */
  readonly foreign: readonly BalancingMember[];
  /** Rules to an expected endpoint with a match that decides beside the statistic one. */
  readonly conditional: readonly BalancingMember[];
  /** What each expected endpoint gets of the packets that reach the list; null when a condition makes it unknown. */
  readonly shares: readonly { readonly expected: ExpectedRule; readonly share: number | null }[];
  /** True when each expected endpoint gets its equal part and nothing is left over. */
  readonly even: boolean;
  /** What falls through the end of the list, 0 to 1. */
  readonly remainder: number | null;
}

/**
 * Two shares count as equal within this: the kernel holds multiples of 2^-31, kube-proxy before 1.17 wrote five
 * decimals.
 */
const TOLERANCE = 2e-5;

export function compareBalancing(expected: ExpectedChain, index: RuleIndex): BalancingComparison {
  const chain = index.chain(expected.table, expected.name);
  const wanted = expected.rules.filter((rule) => rule.role === 'balance');
  const members = balancingMembers(index, expected.table, expected.name);
  const bySep = Map.groupBy(members, (member) => member.sep);
  const ofRule = (rule: ExpectedRule): readonly BalancingMember[] => bySep.get(targetChain(rule.rule) ?? '') ?? [];
  const wantedSeps = new Set(wanted.map((rule) => targetChain(rule.rule)));
  const { reached, remainder } = spread(members);
  const shares = wanted.map((rule) => ({
    expected: rule,
    share: sum(ofRule(rule).map((member) => reached.get(member))),
  }));
  return {
    expected,
    chain,
    wanted,
    members,
    missing: wanted.filter((rule) => ofRule(rule).length === 0),
    doubled: wanted
      .filter((rule) => ofRule(rule).length > 1)
      .map((rule) => ({ expected: rule, members: ofRule(rule) })),
    foreign: members.filter((member) => !wantedSeps.has(member.sep)),
    conditional: members.filter((member) => member.probability === null && wantedSeps.has(member.sep)),
    shares,
    even: shares.every(({ share }) => share !== null && Math.abs(share - 1 / wanted.length) < TOLERANCE),
    remainder,
  };
}

/** The balancing list of a chain as it stands; empty when the chain is not there. */
export function balancingMembers(index: RuleIndex, table: TableName, name: ChainName): readonly BalancingMember[] {
  return (index.chain(table, name)?.rules ?? []).filter(isBalancing).map((rule) => memberOf(rule, index));
}

/** A rule of the balancing list: leads to a SEP chain, and not because of session affinity. */
export function isBalancing(rule: Rule): boolean {
  const chain = targetChain(rule);
  return chain !== null && chain.startsWith('KUBE-SEP-') && !rule.matches.some((match) => match.kind === 'recent');
}

function targetChain(rule: Rule): ChainName | null {
  return rule.target.kind === 'jump' || rule.target.kind === 'goto' ? rule.target.chain : null;
}

function memberOf(rule: Rule, index: RuleIndex): BalancingMember {
  const sep = targetChain(rule) ?? '';
  const chain = index.chain('nat', sep);
  const destinations =
    chain?.rules.flatMap((dnat) => (dnat.target.kind === 'dnat' ? [dnat.target.to ?? '?'] : [])) ?? null;
  return { rule, sep, probability: probabilityOf(rule), destinations };
}

function probabilityOf(rule: Rule): number | null {
  let probability = 1;
  for (const match of rule.matches) {
    if (match.kind === 'protocol-module') continue;
    if (match.kind !== 'statistic-random') return null;
    const value = Number(match.probability);
    probability *= match.negated ? 1 - value : value;
  }
  return probability;
}

/** Walks the list as the kernel does: each rule takes its chance of what the ones before it left. */
function spread(members: readonly BalancingMember[]): {
  reached: ReadonlyMap<BalancingMember, number | null>;
  remainder: number | null;
} {
  const reached = new Map<BalancingMember, number | null>();
  let left: number | null = 1;
  for (const member of members) {
    const share: number | null = left === null || member.probability === null ? null : left * member.probability;
    reached.set(member, share);
    left = left === null || share === null ? null : left - share;
  }
  return { reached, remainder: left };
}

function sum(parts: readonly (number | null | undefined)[]): number | null {
  let total = 0;
  for (const part of parts) {
    if (part === null || part === undefined) return null;
    total += part;
  }
  return total;
}
