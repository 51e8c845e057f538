import type { ChainName, Rule, TableName } from '../netfilter/rules.ts';
import type { ExpectedRule, ExpectedServicePort } from './expectation.ts';
import { destinationOf, type RuleIndex } from './rule-index.ts';
import { isExpected, sameMatches, sameTarget } from './same-rule.ts';

/** One rule that belongs into a chain shared with other Services, and what stands there. */
export interface EntryComparison {
  readonly expected: ExpectedRule;
  /**
   * `altered`: a rule with the same target selects other packets. `leads-elsewhere`: a rule selects the same packets and
   * sends them to another place. `late`: a mark rule stands behind the rule that takes its packets away.
   */
  readonly status: 'present' | 'absent' | 'altered' | 'leads-elsewhere' | 'late';
  /** All equal rules when present (two or more: duplicates), else the rules that stand in its place. */
  readonly rules: readonly Rule[];
}

/** A rule in a shared chain that is about this port and that kube-proxy would not write now. */
export interface SurplusEntry {
  readonly table: TableName;
  readonly rule: Rule;
  /** `leads-here`: into one of the port's chains. `blocks`: rejects or drops one of its addresses. `leads-away`: takes one of its addresses to a chain of its own. */
  readonly kind: 'leads-here' | 'blocks' | 'leads-away';
}

/** Chains shared by all Services, by table. */
export const SHARED_CHAINS: readonly (readonly [TableName, ChainName])[] = [
  ['nat', 'KUBE-SERVICES'],
  ['nat', 'KUBE-NODEPORTS'],
  ['filter', 'KUBE-SERVICES'],
  ['filter', 'KUBE-EXTERNAL-SERVICES'],
  ['filter', 'KUBE-PROXY-FIREWALL'],
];

export function compareEntries(
  expected: ExpectedServicePort,
  index: RuleIndex,
): { readonly entries: readonly EntryComparison[]; readonly surplus: readonly SurplusEntry[] } {
  const standing = expected.entries.map((entry) => rulesAt(entry, index));
  const equal = expected.entries.map((entry, at) => (standing[at] ?? []).filter((rule) => isExpected(entry, rule)));
  const right = new Set(equal.flat());
  const entries = expected.entries.map((entry, at) => {
    const rules = equal[at] ?? [];
    // A rule that is right for one entry does not stand in the place of another: up to 1.21 a mark rule and its jump
    // select the same packets.
    const others = (standing[at] ?? []).filter((rule) => !right.has(rule));
    return rules.length > 0 ? { expected: entry, status: 'present' as const, rules } : compareAbsent(entry, others);
  });
  const claimed = new Set(entries.flatMap((entry) => entry.rules));
  return { entries: entries.map((entry) => orLate(entry, entries)), surplus: findSurplus(expected, index, claimed) };
}

/** Up to 1.21 entry chains hold mark rules, which must precede the jump for the same address. */
function orLate(entry: EntryComparison, entries: readonly EntryComparison[]): EntryComparison {
  const { expected, status, rules } = entry;
  if (expected.role !== 'entry-mark' || status !== 'present') return entry;
  const jumps = entries.filter(
    (other) =>
      other.status === 'present' &&
      other.expected.role !== 'entry-mark' &&
      other.expected.table === expected.table &&
      other.expected.rule.chain === expected.rule.chain &&
      other.expected.address === expected.address,
  );
  const first = Math.min(...jumps.flatMap((jump) => jump.rules.map((rule) => rule.line)));
  return rules.every((rule) => rule.line > first) ? { ...entry, status: 'late' } : entry;
}

function compareAbsent(expected: ExpectedRule, standing: readonly Rule[]): EntryComparison {
  const elsewhere = standing.filter((rule) => sameMatches(expected.rule, rule) && !sameTarget(expected.rule, rule));
  if (elsewhere.length > 0) return { expected, status: 'leads-elsewhere', rules: elsewhere };
  const altered = standing.filter((rule) => sameTarget(expected.rule, rule));
  if (altered.length > 0) return { expected, status: 'altered', rules: altered };
  return { expected, status: 'absent', rules: [] };
}

function rulesAt(expected: ExpectedRule, index: RuleIndex): readonly Rule[] {
  const { address, protocol, port } = destinationOf(expected.rule);
  return port === null ? [] : index.atAddress(expected.table, expected.rule.chain, address, protocol, port);
}

function findSurplus(
  expected: ExpectedServicePort,
  index: RuleIndex,
  claimed: ReadonlySet<Rule>,
): readonly SurplusEntry[] {
  const found = new Map<Rule, SurplusEntry>();
  const consider = (table: TableName, rule: Rule, kind: SurplusEntry['kind']): void => {
    if (!claimed.has(rule) && !found.has(rule)) found.set(rule, { table, rule, kind });
  };
  for (const chain of expected.ownChains) {
    for (const rule of index.leadingTo('nat', chain)) {
      if (isShared('nat', rule.chain)) consider('nat', rule, 'leads-here');
    }
  }
  for (const [address, port] of addressesOf(expected)) {
    for (const [table, chain] of SHARED_CHAINS) {
      for (const rule of index.atAddress(table, chain, address, expected.port.protocol.toLowerCase(), port)) {
        consider(table, rule, blocks(rule) ? 'blocks' : 'leads-away');
      }
    }
  }
  return [...found.values()].toSorted((a, b) => a.table.localeCompare(b.table) || a.rule.line - b.rule.line);
}

function isShared(table: TableName, chain: ChainName): boolean {
  return SHARED_CHAINS.some(([sharedTable, name]) => sharedTable === table && name === chain);
}

function blocks(rule: Rule): boolean {
  return rule.target.kind === 'reject' || rule.target.kind === 'drop';
}

/** The addresses of the port with their port number; null stands for the node's own addresses. */
function addressesOf(expected: ExpectedServicePort): readonly (readonly [string | null, number])[] {
  const { port } = expected;
  const vips = [port.clusterIP, ...port.externalIPs, ...port.loadBalancerIngress.map((ingress) => ingress.ip)];
  const pairs: (readonly [string | null, number])[] = vips.map((ip) => [ip, port.port]);
  return port.nodePort === 0 ? pairs : [...pairs, [null, port.nodePort]];
}
