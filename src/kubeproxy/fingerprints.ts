import type { Ip } from '../model/address.ts';
import type { Rule, Ruleset, Table } from '../netfilter/rules.ts';
import type { VersionRange } from './expectation.ts';
import { hostOf, jumpsTo, marksClusterIP, rulesOf } from './rule-facts.ts';
import { ALL_VERSIONS, rangeOfMinors } from './version.ts';

/** Tells the version of kube-proxy from its rules: signs that only newer, or only older ones leave. */

/** A sign, and the minor versions that can leave it. `weight`: how many rules show it, at most {@link ENOUGH}. */
export interface Sign {
  readonly from: number;
  readonly to: number;
  readonly weight: number;
}

const ENOUGH = 3;
const OLDEST = ALL_VERSIONS.min.minor;
const NEWEST = ALL_VERSIONS.max.minor;

type Holds = (rule: Rule) => boolean;

/** Collects signs: so many of the rules are as only versions from, or up to, a minor one write them. */
interface Signs {
  readonly list: Sign[];
  note(from: number, to: number, weight: number): void;
  since(minor: number, rules: readonly Rule[], holds: Holds): void;
  until(minor: number, rules: readonly Rule[], holds: Holds): void;
}

function createSigns(): Signs {
  const list: Sign[] = [];
  const signs: Signs = {
    list,
    note(from, to, weight) {
      if (weight > 0) list.push({ from, to, weight });
    },
    since: (minor, rules, holds) => signs.note(minor, NEWEST, count(rules, holds)),
    until: (minor, rules, holds) => signs.note(OLDEST, minor, count(rules, holds)),
  };
  return signs;
}

function count(rules: readonly Rule[], holds: Holds): number {
  let found = 0;
  for (const rule of rules) if (holds(rule) && ++found >= ENOUGH) break;
  return found;
}

export function signsOf(ruleset: Ruleset, clusterIPs: ReadonlySet<Ip>): readonly Sign[] {
  const signs = createSigns();
  const nat = ruleset.tables.get('nat');
  const filter = ruleset.tables.get('filter');
  noteEntries(nat, clusterIPs, signs);
  noteServiceChains(nat, signs);
  notePostrouting(nat, signs);
  noteForward(filter, signs);
  noteFilterChains(filter, signs);
  if (ruleset.family === 'IPv6') signs.until(25, rulesOf(nat, 'KUBE-SERVICES'), opensLoopback);
  return signs.list;
}

/** Entry chains are written whole at every sync, so they hold no leftover of an older kube-proxy. */
function noteEntries(nat: Table | undefined, clusterIPs: ReadonlySet<Ip>, signs: Signs): void {
  const services = rulesOf(nat, 'KUBE-SERVICES');
  const nodePorts = rulesOf(nat, 'KUBE-NODEPORTS');
  for (const rules of [services, nodePorts]) {
    signs.since(24, rules, (rule) => jumpsTo(rule, 'KUBE-EXT-') || jumpsTo(rule, 'KUBE-SVL-'));
    signs.until(23, rules, (rule) => jumpsTo(rule, 'KUBE-XLB-'));
  }
  signs.until(21, services, (rule) => marksClusterIP(rule, clusterIPs));
  signs.until(20, services, (rule) => rule.matches.some((match) => match.kind === 'physdev'));
  signs.until(18, services, (rule) => rule.comment?.endsWith(': cluster IP') ?? false);
  signs.until(21, nodePorts, (rule) => jumpsTo(rule, 'KUBE-MARK-MASQ') && !hasSource(rule));
  signs.since(31, nodePorts, hasCounter);
  signs.since(26, services, (rule) => jumpsTo(rule, 'KUBE-NODEPORTS') && excludesDestination(rule));
}

function hasSource(rule: Rule): boolean {
  return rule.matches.some((match) => match.kind === 'source');
}

function hasCounter(rule: Rule): boolean {
  return rule.matches.some((match) => match.kind === 'nfacct');
}

function excludesDestination(rule: Rule): boolean {
  return rule.matches.some((match) => match.kind === 'destination' && match.negated);
}

function opensLoopback(rule: Rule): boolean {
  return jumpsTo(rule, 'KUBE-NODEPORTS') && !excludesDestination(rule) && hostOf(rule) === null;
}

/** A few hundred rules tell as much as all of them. */
const SAMPLE = 400;

/** Only chains an entry rule leads to: others may be leftovers. */
function noteServiceChains(nat: Table | undefined, signs: Signs): void {
  const rules: Rule[] = [];
  for (const entry of [...rulesOf(nat, 'KUBE-SERVICES'), ...rulesOf(nat, 'KUBE-NODEPORTS')]) {
    if (rules.length >= SAMPLE) break;
    if (entry.target.kind === 'jump') rules.push(...rulesOf(nat, entry.target.chain).slice(0, 8));
  }
  const inSvc = rules.filter((rule) => rule.chain.startsWith('KUBE-SVC-') || rule.chain.startsWith('KUBE-SVL-'));
  const balancing = inSvc.filter((rule) => jumpsTo(rule, 'KUBE-SEP-'));
  const inFirewall = rules.filter((rule) => rule.chain.startsWith('KUBE-FW-'));
  signs.since(22, inSvc, (rule) => jumpsTo(rule, 'KUBE-MARK-MASQ') && hostOf(rule) !== null);
  signs.since(24, balancing, (rule) => rule.comment?.includes(' -> ') ?? false);
  signs.until(23, balancing, (rule) => rule.comment !== null && !rule.comment.includes(' -> '));
  signs.since(18, balancing, (rule) => rule.comment !== null);
  signs.until(16, balancing, hasFiveDecimals);
  signs.since(27, inFirewall, (rule) => rule.target.kind === 'none');
  signs.until(24, rules, (rule) => jumpsTo(rule, 'KUBE-MARK-DROP'));
}

/** Probabilities 1/3, 1/6, 1/7 and 1/9 as a kube-proxy that wrote five decimals has them. */
const FIVE_DECIMALS: ReadonlySet<string> = new Set([
  '0.33332999982',
  '0.16667000018',
  '0.14286000002',
  '0.11110999994',
]);

function hasFiveDecimals(rule: Rule): boolean {
  return rule.matches.some((match) => match.kind === 'statistic-random' && FIVE_DECIMALS.has(match.probability));
}

function notePostrouting(nat: Table | undefined, signs: Signs): void {
  const rules = rulesOf(nat, 'KUBE-POSTROUTING');
  signs.until(18, rules, (rule) => rule.target.kind === 'masquerade' && needsMark(rule));
  signs.since(16, rules, (rule) => rule.target.kind === 'return' || rule.target.kind === 'mark');
  signs.since(16, rules, (rule) => rule.target.kind === 'masquerade' && rule.target.flags.length > 0);
}

function needsMark(rule: Rule): boolean {
  return rule.matches.some((match) => match.kind === 'mark' && !match.negated);
}

function noteForward(filter: Table | undefined, signs: Signs): void {
  const rules = rulesOf(filter, 'KUBE-FORWARD');
  signs.since(23, rules, (rule) => rule.comment === 'kubernetes forwarding conntrack rule');
  signs.until(22, rules, (rule) => rule.comment?.startsWith('kubernetes forwarding conntrack pod ') ?? false);
  signs.since(31, rules, hasCounter);
}

/** Something that is not there proves an older version only if chain and jumps are gone together. */
function noteFilterChains(filter: Table | undefined, signs: Signs): void {
  if (filter === undefined || !filter.chains.has('KUBE-SERVICES') || !filter.chains.has('KUBE-FORWARD')) return;
  const builtIn = ['INPUT', 'FORWARD', 'OUTPUT'].flatMap((chain) => rulesOf(filter, chain));
  const noteChain = (name: string, since: number): void => {
    const found = (filter.chains.has(name) ? 1 : 0) + count(builtIn, (rule) => jumpsTo(rule, name));
    signs.note(since, NEWEST, found);
    signs.note(OLDEST, since - 1, found === 0 ? ENOUGH : 0);
  };
  noteChain('KUBE-PROXY-FIREWALL', 25);
  noteChain('KUBE-NODEPORTS', 21);
  // kubelet writes KUBE-FIREWALL in every version; where its canary is missing, kube-proxy did.
  if (!filter.chains.has('KUBE-KUBELET-CANARY')) noteChain('KUBE-FIREWALL', 27);
  const leadsTo = (chain: string, to: string): number => count(rulesOf(filter, chain), (rule) => jumpsTo(rule, to));
  const forwardsOut = leadsTo('FORWARD', 'KUBE-EXTERNAL-SERVICES');
  signs.note(20, NEWEST, forwardsOut);
  if (forwardsOut === 0 && leadsTo('INPUT', 'KUBE-SERVICES') > 0) signs.note(14, 19, 2);
}

/**
 * The versions that contradict the signs least: one damaged rule contradicts a little, the wrong version a lot. null
 * without any sign.
 */
export function rangeOfSigns(signs: readonly Sign[]): VersionRange | null {
  if (signs.length === 0) return null;
  const minors = Array.from({ length: NEWEST - OLDEST + 1 }, (_, index) => OLDEST + index);
  const against = minors.map((minor) => weigh(signs, (sign) => minor < sign.from || minor > sign.to));
  const least = Math.min(...against);
  const possible = minors.filter((_, index) => against[index] === least);
  return rangeOfMinors(Math.min(...possible), Math.max(...possible));
}

/** Weight of the signs that no version of the range can leave. */
export function contradiction(signs: readonly Sign[], range: VersionRange): number {
  return weigh(signs, (sign) => range.max.minor < sign.from || Math.min(range.min.minor, NEWEST) > sign.to);
}

function weigh(signs: readonly Sign[], holds: (sign: Sign) => boolean): number {
  return signs.filter(holds).reduce((sum, sign) => sum + sign.weight, 0);
}
