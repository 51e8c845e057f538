import type { ExpectedRule, RuleRole } from '../kubeproxy/expectation.ts';
import type { EntryComparison } from '../kubeproxy/compare-entries.ts';
import type { ListComparison } from '../kubeproxy/compare-list.ts';
import type { ServicePort } from '../model/service.ts';
import { printAddressPort } from '../model/address.ts';
import { printRule } from '../netfilter/print.ts';
import type { Rule, TableName } from '../netfilter/rules.ts';
import { judged, type Fault, type Judgement, type RuleProof } from './check.ts';
import type { PortView } from './world.ts';

/** Words and proofs that many checks share. */

/** Rules as proof, in the order of the save. */
export function proof(table: TableName, rules: readonly Rule[]): readonly RuleProof[] {
  return rules.map((rule) => ({ table, rule }));
}

/** `10.111.231.44:80/TCP`, or `node port 30000/TCP` for an entry without an address. */
export function entryAddress(entry: ExpectedRule, port: ServicePort): string {
  return entry.address === null
    ? `node port ${port.nodePort}/${port.protocol}`
    : `${printAddressPort(entry.address, port.port)}/${port.protocol}`;
}

/** `10.168.1.12:9376`, the endpoint a rule is for. */
export function endpointName(rule: ExpectedRule): string {
  return rule.endpoint === null ? rule.rule.chain : printAddressPort(rule.endpoint.ip, rule.endpoint.port);
}

/** What to say when a chain holds nothing in place of a missing rule. */
export function chainContent(view: PortView, table: TableName, name: string): Pick<Fault, 'proof' | 'found'> {
  const chain = view.on.index.chain(table, name);
  if (chain === null) return { proof: [], found: `there is no chain ${name} in table ${table}` };
  if (chain.rules.length === 0) return { proof: [], found: `chain ${name} in table ${table} is empty` };
  return chain.rules.length <= MANY_RULES
    ? { proof: proof(table, chain.rules), found: `${name} holds only:` }
    : { proof: [], found: `none of the ${chain.rules.length} rules of ${name} in table ${table}` };
}

const MANY_RULES = 6;

/** Faults for entries of these roles that are not there, or select other packets than they should. */
export function missingEntries(view: PortView, roles: readonly RuleRole[], what: string): Judgement {
  if (view.stale !== null) return judged([]);
  const faults = view.comparison.entries
    .filter((entry) => roles.includes(entry.expected.role))
    .filter((entry) => entry.expected.presence === 'required')
    .filter((entry) => entry.status === 'absent' || entry.status === 'altered')
    .map((entry) => missingEntry(view, entry, what));
  return judged(faults);
}

function missingEntry(view: PortView, entry: EntryComparison, what: string): Fault {
  const { expected } = entry;
  const address = entryAddress(expected, view.port);
  const altered = entry.status === 'altered';
  return {
    title: altered ? `${what} of ${address} selects other packets` : `${address} has no ${what}`,
    cause: address,
    expected: [printRule(expected.rule)],
    proof: proof(expected.table, entry.rules),
    found: altered ? null : `no rule for ${address} in ${expected.rule.chain} of table ${expected.table}`,
    confidence: 'certain',
  };
}

/** Faults for mark rules of shared chains that are not there, all with this title. */
export function missingMarks(entries: readonly EntryComparison[], title: string): readonly Fault[] {
  return entries
    .filter((entry) => entry.status !== 'present' && entry.expected.presence === 'required')
    .map(({ expected, rules }) => ({
      title,
      cause: printRule(expected.rule),
      expected: [printRule(expected.rule)],
      proof: proof(expected.table, rules),
      found: rules.length > 0 ? null : `no such rule in ${expected.rule.chain} of table ${expected.table}`,
      confidence: 'certain',
    }));
}

/** Faults for required rules of these roles that are missing from, or misplaced in, a list. */
export function missingInList(
  list: ListComparison,
  chain: string,
  table: TableName,
  roles: readonly RuleRole[],
): readonly Fault[] {
  const missing = list.missing
    .filter(({ expected }) => roles.includes(expected.role))
    .map(({ expected, standing }) => missingRule(expected, standing, list, chain, table));
  const misplaced = list.misplaced
    .filter(({ expected }) => roles.includes(expected.role))
    .map(({ expected, actual }) => misplacedRule(expected, actual, table));
  return [...missing, ...misplaced];
}

function missingRule(
  expected: ExpectedRule,
  standing: Rule | null,
  list: ListComparison,
  chain: string,
  table: TableName,
): Fault {
  const content = list.chain?.rules ?? [];
  const shown = standing === null ? content.slice(0, MANY_RULES) : [standing];
  const nothing =
    list.chain === null ? `there is no chain ${chain} in table ${table}` : `chain ${chain} in table ${table} is empty`;
  return {
    title: standing === null ? `a rule is missing from ${chain}` : `a rule in ${chain} is not what kube-proxy writes`,
    cause: printRule(expected.rule),
    expected: [printRule(expected.rule)],
    proof: proof(table, shown),
    found: standing === null ? (shown.length === 0 ? nothing : `${chain} holds only:`) : null,
    confidence: 'certain',
  };
}

function misplacedRule(expected: ExpectedRule, actual: Rule, table: TableName): Fault {
  return {
    title: `a rule of ${actual.chain} stands after rules it must precede`,
    onlyOrder: true,
    cause: printRule(expected.rule),
    expected: [printRule(expected.rule)],
    proof: proof(table, [actual]),
    found: null,
    confidence: 'certain',
  };
}
