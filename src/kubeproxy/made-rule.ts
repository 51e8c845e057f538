import { hostCidr, parseIp, type Cidr, type Family, type Ip, type LowerProtocol } from '../model/address.ts';
import type { Endpoint } from '../model/service.ts';
import type { ChainName, Match, Rule, TableName, Target } from '../netfilter/rules.ts';
import type { ExpectedChain, ExpectedRule, RuleRole } from './expectation.ts';

/** Pieces of the rules kube-proxy writes, in the order iptables saves them. Pieces are shared: there are many rules. */

const NO_RULES: readonly Rule[] = [];
const NO_MATCHES: readonly Match[] = [];

export function makeRule(chain: ChainName, matches: readonly Match[], comment: string | null, target: Target): Rule {
  return { chain, line: 0, raw: '', counters: null, matches, comment, target };
}

/** A rule that must be there, in exactly this form. */
export function required(
  role: RuleRole,
  table: TableName,
  rule: Rule,
  address: Ip | null = null,
  endpoint: Endpoint | null = null,
): ExpectedRule {
  return { role, table, rule, alternatives: NO_RULES, presence: 'required', endpoint, address };
}

/** The same rule, but its absence is no difference. */
export function accepted(rule: ExpectedRule): ExpectedRule {
  return { ...rule, presence: 'accepted' };
}

/** The same rule in forms that are as good; the first is the one to show. */
export function inForms(rule: ExpectedRule, alternatives: readonly Rule[]): ExpectedRule {
  return alternatives.length === 0 ? rule : { ...rule, alternatives: [...rule.alternatives, ...alternatives] };
}

export function sharedChain(table: TableName, name: ChainName, rules: readonly ExpectedRule[]): ExpectedChain {
  return { table, name, role: 'shared', rules, endpoint: null };
}

export function jumpTo(chain: ChainName): Target {
  return { kind: 'jump', chain };
}

export const TO_MARK_MASQ: Target = jumpTo('KUBE-MARK-MASQ');
export const TO_MARK_DROP: Target = jumpTo('KUBE-MARK-DROP');
export const DROP: Target = { kind: 'drop' };
export const ACCEPT: Target = { kind: 'accept' };
export const NO_TARGET: Target = { kind: 'none' };

const REJECTS: Readonly<Record<Family, Target>> = {
  IPv4: { kind: 'reject', with: 'icmp-port-unreachable' },
  IPv6: { kind: 'reject', with: 'icmp6-port-unreachable' },
};

export function reject(family: Family): Target {
  return REJECTS[family];
}

/** `-s RANGE`; nothing for a range that holds every address, as iptables saves it. */
export function fromRange(cidr: Cidr): readonly Match[] {
  return cidr.prefix === 0 ? NO_MATCHES : [{ kind: 'source', negated: false, cidr }];
}

export function fromHost(ip: Ip): Match {
  return { kind: 'source', negated: false, cidr: hostCidr(ip) };
}

export function toHost(ip: Ip): Match {
  return { kind: 'destination', negated: false, cidr: hostCidr(ip) };
}

export function withProtocol(protocol: LowerProtocol): Match {
  return { kind: 'protocol', negated: false, protocol };
}

export function toPort(protocol: LowerProtocol, port: number): Match {
  return { kind: 'destination-port', module: protocol, negated: false, range: { from: port, to: port } };
}

export const FROM_LOCAL: Match = {
  kind: 'address-type',
  side: 'source',
  negated: false,
  types: ['LOCAL'],
  limit: null,
};
export const NOT_FROM_LOCAL: Match = {
  kind: 'address-type',
  side: 'source',
  negated: true,
  types: ['LOCAL'],
  limit: null,
};
export const TO_LOCAL: Match = {
  kind: 'address-type',
  side: 'destination',
  negated: false,
  types: ['LOCAL'],
  limit: null,
};
export const NOT_BRIDGED_IN: Match = { kind: 'physdev', options: ['!', '--physdev-is-in'] };

export function inState(states: readonly string[], negated = false): Match {
  return { kind: 'conntrack-state', module: 'conntrack', negated, states };
}

export function counted(name: string): Match {
  return { kind: 'nfacct', name };
}

/** The ranges kube-proxy calls loopback, by family. */
export const LOOPBACK: Readonly<Record<Family, Cidr>> = {
  IPv4: { base: ipOf('127.0.0.0'), prefix: 8 },
  IPv6: { base: ipOf('::1'), prefix: 128 },
};

function ipOf(text: string): Ip {
  const ip = parseIp(text);
  if (ip === null) throw new Error(`${text} is no IP address`);
  return ip;
}
