import { printMatch } from './print-match.ts';
import { printTarget } from './print-target.ts';
import type { Match, Rule } from './rules.ts';

/**
 * Canonical text of what a rule does: two rules of one chain with the same key treat every packet alike. Left out are
 * the comment, the counters, `-m tcp` without options and ranges that hold every address; matches that only look at
 * the packet are sorted. Those that count or remember (and those that are not understood) keep their order among
 * themselves.
 */
export function ruleKey(rule: Rule): string {
  const plain: string[] = [];
  let ordered = '';
  for (const match of rule.matches) {
    if (saysNothing(match)) continue;
    if (hasMemory(match)) ordered += ` ${keyOfMatch(match)}`;
    else plain.push(keyOfMatch(match));
  }
  if (plain.length > 1) plain.sort();
  return `${rule.chain} ${plain.join(' ')} &${ordered} ${keyOfTarget(rule)}`;
}

function saysNothing(match: Match): boolean {
  if (match.kind === 'protocol-module') return true;
  if (match.kind === 'source' || match.kind === 'destination') return match.cidr.prefix === 0 && !match.negated;
  return match.kind === 'protocol' && !match.negated && (match.protocol === 'all' || match.protocol === '0');
}

function hasMemory(match: Match): boolean {
  switch (match.kind) {
    case 'statistic-random':
    case 'statistic-nth':
    case 'recent':
    case 'nfacct':
    case 'opaque':
    case 'unrecognised':
      return true;
    case 'source':
    case 'destination':
    case 'protocol':
    case 'in-interface':
    case 'out-interface':
    case 'protocol-module':
    case 'source-port':
    case 'destination-port':
    case 'multiport':
    case 'address-type':
    case 'mark':
    case 'connmark':
    case 'conntrack-state':
    case 'set':
    case 'physdev':
      return false;
  }
}

/** The kernel keeps a probability as a multiple of 2^-31; versions differ in the digits they print. */
const PROBABILITY_UNITS = 2 ** 31;

/** Numbers of protocols that iptables may print by name or, without /etc/protocols, by number. */
const PROTOCOL_NAMES: ReadonlyMap<string, string> = new Map([
  ['1', 'icmp'],
  ['6', 'tcp'],
  ['17', 'udp'],
  ['33', 'dccp'],
  ['47', 'gre'],
  ['50', 'esp'],
  ['51', 'ah'],
  ['58', 'ipv6-icmp'],
  ['icmpv6', 'ipv6-icmp'],
  ['132', 'sctp'],
  ['136', 'udplite'],
]);

function keyOfMatch(match: Match): string {
  switch (match.kind) {
    case 'statistic-random': {
      const units = Math.round(Number(match.probability) * PROBABILITY_UNITS);
      return `${match.negated ? '! ' : ''}--probability ${units}`;
    }
    case 'protocol':
      return `${match.negated ? '! ' : ''}-p ${PROTOCOL_NAMES.get(match.protocol) ?? match.protocol}`;
    case 'conntrack-state':
      return `${match.negated ? '! ' : ''}--ctstate ${sorted(match.states)}`;
    case 'address-type':
      return printMatch({ ...match, types: match.types.toSorted() });
    case 'multiport':
      return printMatch({ ...match, ranges: match.ranges.toSorted((a, b) => a.from - b.from || a.to - b.to) });
    case 'source':
    case 'destination':
    case 'in-interface':
    case 'out-interface':
    case 'protocol-module':
    case 'source-port':
    case 'destination-port':
    case 'mark':
    case 'connmark':
    case 'statistic-nth':
    case 'recent':
    case 'nfacct':
    case 'set':
    case 'physdev':
    case 'opaque':
    case 'unrecognised':
      return printMatch(match);
  }
}

function sorted(words: readonly string[]): string {
  return words.length === 1 ? (words[0] ?? '') : words.toSorted().join(',');
}

function keyOfTarget(rule: Rule): string {
  const { target } = rule;
  switch (target.kind) {
    case 'dnat':
    case 'snat':
    case 'masquerade':
      return printTarget(target.flags.length < 2 ? target : { ...target, flags: target.flags.toSorted() });
    case 'none':
    case 'accept':
    case 'drop':
    case 'return':
    case 'reject':
    case 'jump':
    case 'goto':
    case 'mark':
    case 'connmark-set':
    case 'connmark':
    case 'continue':
    case 'opaque':
    case 'unrecognised':
      return printTarget(target);
  }
}
