import { parseAddressPort, printAddressPort } from '../model/address.ts';
import type { Rule } from '../netfilter/rules.ts';
import type { PortComparison } from './compare.ts';
import { balancingMembers, type BalancingComparison, type BalancingMember } from './compare-balancing.ts';
import type { ExpectedRule } from './expectation.ts';
import { nameInHash } from './expect-names.ts';
import { sepChain } from './names.ts';
import type { RuleIndex } from './rule-index.ts';

/** The rules of a Service port are whole and consistent, but for another state of the API than it has now. */
export interface OldPicture {
  /** What the node's rules are right for. `nothing`: a Service port that does not exist. */
  readonly believes: 'nothing' | 'no endpoints' | 'other endpoints';
  /** `ip:port` of API endpoints the node does not use. */
  readonly unused: readonly string[];
  /** `ip:port` the node uses and the API does not have. */
  readonly gone: readonly string[];
  /** The rules that show it; table filter for `no endpoints`, else nat. */
  readonly rules: readonly Rule[];
}

const TOLERANCE = 2e-5;

/**
 * Tells an old picture from a damaged one. Old: each balancing list spreads evenly over well-formed SEP chains, only
 * for another set of endpoints; or the port is blocked as one without endpoints; or there is nothing of it at all.
 * kube-proxy that is dead, stuck or behind leaves exactly this; damage by others practically never does.
 */
export function findOldPicture(comparison: PortComparison, index: RuleIndex): OldPicture | null {
  if (!comparison.expected.endpoints.hasEndpoints) return findForgottenEndpoints(comparison, index);
  return findNothing(comparison, index) ?? findBlocked(comparison) ?? findOtherEndpoints(comparison);
}

function findNothing(comparison: PortComparison, index: RuleIndex): OldPicture | null {
  if (!allEntriesAbsent(comparison) || comparison.surplusEntries.length > 0 || hasOwnChain(comparison, index))
    return null;
  return { believes: 'nothing', unused: reachable(comparison), gone: [], rules: [] };
}

/** Blocked like a port without endpoints, and no balancing chain of it is there. */
function findBlocked(comparison: PortComparison): OldPicture | null {
  const blocking = comparison.surplusEntries.filter((entry) => entry.kind === 'blocks').map((entry) => entry.rule);
  const noChain = comparison.balancing.every((list) => list.chain === null);
  if (blocking.length === 0 || !allEntriesAbsent(comparison) || !noChain) return null;
  return { believes: 'no endpoints', unused: reachable(comparison), gone: [], rules: blocking };
}

/** The API has no endpoints left, and the node still leads to some. */
function findForgottenEndpoints(comparison: PortComparison, index: RuleIndex): OldPicture | null {
  const leading = comparison.surplusEntries.filter((entry) => entry.kind === 'leads-here');
  if (leading.length === 0 || !allBlocksAbsent(comparison)) return null;
  const members = [...comparison.expected.ownChains].flatMap((name) => balancingMembers(index, 'nat', name));
  const used = members.map((member) => soundDestination(member, comparison));
  if (used.length === 0 || used.includes(null)) return null;
  const gone = distinct(used.filter((text) => text !== null));
  return { believes: 'other endpoints', unused: [], gone, rules: leading.map((entry) => entry.rule) };
}

function findOtherEndpoints(comparison: PortComparison): OldPicture | null {
  const lists = comparison.balancing.map((list) => oldList(list, comparison));
  const known = lists.filter((list) => list !== null);
  if (known.length !== lists.length) return null;
  const changed = known.filter((list) => list.unused.length + list.gone.length > 0);
  if (changed.length === 0) return null;
  return {
    believes: 'other endpoints',
    unused: distinct(changed.flatMap((list) => list.unused)),
    gone: distinct(changed.flatMap((list) => list.gone)),
    rules: changed.flatMap((list) => list.rules),
  };
}

/** A list as an even one over well-formed chains; null when it is damaged in itself. */
function oldList(
  list: BalancingComparison,
  comparison: PortComparison,
): { readonly unused: readonly string[]; readonly gone: readonly string[]; readonly rules: readonly Rule[] } | null {
  const wanted = new Set(list.wanted.map(endpointText));
  const used = list.members.map((member) => soundDestination(member, comparison));
  if (used.length === 0 || used.includes(null) || !isEven(list.members)) return null;
  const usedSet = new Set(used.filter((text) => text !== null));
  if (usedSet.size !== used.length) return null;
  const unused = [...wanted].filter((text) => !usedSet.has(text));
  // A chain that waits for an endpoint nobody leads to is a lost balancing rule, not an old picture.
  if (unused.some((text) => hasSepChain(text, comparison))) return null;
  const gone = [...usedSet].filter((text) => !wanted.has(text));
  return { unused, gone, rules: list.foreign.map((member) => member.rule) };
}

/** `ip:port` of a member whose chain translates to the one endpoint its name is the hash of; else null. */
function soundDestination(member: BalancingMember, comparison: PortComparison): string | null {
  const [destination, ...others] = member.destinations ?? [];
  if (destination === undefined || others.length > 0) return null;
  if (parseAddressPort(destination) === null) return null;
  const { port } = comparison.expected;
  const isNamedAfterIt = nameInHash(port).some((name) => sepChain(name, port.protocol, destination) === member.sep);
  return isNamedAfterIt ? destination : null;
}

function isEven(members: readonly BalancingMember[]): boolean {
  return members.every((member, index) => {
    const wanted = 1 / (members.length - index);
    return member.probability !== null && Math.abs(member.probability - wanted) < TOLERANCE;
  });
}

function allEntriesAbsent(comparison: PortComparison): boolean {
  const required = comparison.entries.filter(
    ({ expected }) => expected.table === 'nat' && expected.presence === 'required',
  );
  return required.length > 0 && required.every((entry) => entry.status === 'absent');
}

function allBlocksAbsent(comparison: PortComparison): boolean {
  const blocks = comparison.entries.filter(({ expected }) => ['reject', 'drop'].includes(expected.rule.target.kind));
  return blocks.every((entry) => entry.status === 'absent');
}

function hasOwnChain(comparison: PortComparison, index: RuleIndex): boolean {
  const own = [...comparison.expected.ownChains].some((name) => index.chain('nat', name) !== null);
  return own || comparison.seps.some((sep) => sep.list.chain !== null);
}

function hasSepChain(endpoint: string, comparison: PortComparison): boolean {
  return comparison.seps.some(
    ({ expected, list }) =>
      list.chain !== null &&
      expected.endpoint !== null &&
      printAddressPort(expected.endpoint.ip, expected.endpoint.port) === endpoint,
  );
}

function endpointText(rule: ExpectedRule): string {
  return rule.endpoint === null ? rule.rule.chain : printAddressPort(rule.endpoint.ip, rule.endpoint.port);
}

function reachable(comparison: PortComparison): readonly string[] {
  return comparison.expected.endpoints.reachable.map((endpoint) => printAddressPort(endpoint.ip, endpoint.port));
}

function distinct(texts: readonly string[]): readonly string[] {
  return [...new Set(texts)].toSorted();
}
