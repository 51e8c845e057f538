import { printCidr, type Ip } from '../model/address.ts';
import type { ChainName, Match, Rule, Ruleset, Table } from '../netfilter/rules.ts';
import type { LocalDetection } from './expectation.ts';
import { createVotes, type Votes } from './votes.ts';

/** What the rules of one node and family say about the settings of the kube-proxy that wrote them. */
export interface RuleFacts {
  readonly marks: Votes<number>;
  /** From every rule that tells pods of this node from others. */
  readonly detections: Votes<LocalDetection>;
  /** Cluster-IP mark rules without any condition on the source: masqueradeAll. */
  readonly unconditionalMarks: number;
  readonly conditionalMarks: number;
  /** Cluster IPs that lead to endpoints: as many mark rules could be there. */
  readonly clusterIPs: number;
  /** Last rule of KUBE-SERVICES for all node addresses: with or without loopback. */
  readonly openNodePorts: number;
  readonly closedNodePorts: number;
  /** Last rules of KUBE-SERVICES for single addresses. */
  readonly nodePortAddresses: readonly Ip[];
  /** Signs that localhost node ports are on which are not in KUBE-SERVICES. */
  readonly localhostSigns: number;
}

const known = new WeakMap<Ruleset, RuleFacts>();

/** `clusterIPs`: those the API knows in this family; a rule for another one is recognised by its comment. */
export function factsOf(ruleset: Ruleset, clusterIPs: ReadonlySet<Ip>): RuleFacts {
  const found = known.get(ruleset) ?? readFacts(ruleset, clusterIPs);
  known.set(ruleset, found);
  return found;
}

function readFacts(ruleset: Ruleset, clusterIPs: ReadonlySet<Ip>): RuleFacts {
  const nat = ruleset.tables.get('nat');
  const filter = ruleset.tables.get('filter');
  const marks = createVotes<number>((mark) => String(mark));
  for (const rule of [...rulesOf(nat, 'KUBE-MARK-MASQ'), ...rulesOf(nat, 'KUBE-POSTROUTING')]) voteMark(rule, marks);
  for (const rule of rulesOf(filter, 'KUBE-FORWARD')) voteMark(rule, marks);
  const services = rulesOf(nat, 'KUBE-SERVICES');
  const detections = createVotes<LocalDetection>(printDetection);
  const clusterMarks = [...services, ...ownChainHeads(nat)].filter((rule) => marksClusterIP(rule, clusterIPs));
  const conditional = clusterMarks.filter((rule) => voteDetection(rule, true, detections));
  for (const rule of externalHeads(nat)) voteDetection(rule, false, detections);
  const last = services.filter((rule) => jumpsTo(rule, 'KUBE-NODEPORTS'));
  return {
    marks,
    detections,
    unconditionalMarks: clusterMarks.length - conditional.length,
    conditionalMarks: conditional.length,
    clusterIPs: new Set(services.filter((rule) => entersCluster(rule, clusterIPs)).map(hostOf)).size,
    openNodePorts: last.filter((rule) => isForAll(rule) && !excludesLoopback(rule)).length,
    closedNodePorts: last.filter((rule) => isForAll(rule) && excludesLoopback(rule)).length,
    nodePortAddresses: last.flatMap((rule) => (isForAll(rule) ? [] : (hostOf(rule) ?? []))),
    localhostSigns: localhostSigns(nat, filter),
  };
}

export function rulesOf(table: Table | undefined, chain: ChainName): readonly Rule[] {
  return table?.chains.get(chain)?.rules ?? [];
}

export function jumpsTo(rule: Rule, prefix: string): boolean {
  return rule.target.kind === 'jump' && rule.target.chain.startsWith(prefix);
}

function voteMark(rule: Rule, marks: Votes<number>): void {
  if (rule.target.kind === 'mark' && rule.target.value !== 0) marks.add(rule.target.value);
  for (const match of rule.matches) if (match.kind === 'mark' && match.value !== 0) marks.add(match.value);
}

/** Mark rules stand at the head of KUBE-SVC and KUBE-SVL; looking further would cost a pass over all endpoints. */
const HEAD = 8;

function ownChainHeads(nat: Table | undefined): readonly Rule[] {
  return headsOf(nat, ['KUBE-SVC-', 'KUBE-SVL-']).filter((rule) => jumpsTo(rule, 'KUBE-MARK-MASQ'));
}

function externalHeads(nat: Table | undefined): readonly Rule[] {
  return headsOf(nat, ['KUBE-EXT-', 'KUBE-XLB-']).filter((rule) => jumpsTo(rule, 'KUBE-SVC-'));
}

function headsOf(nat: Table | undefined, prefixes: readonly string[]): readonly Rule[] {
  const heads: Rule[] = [];
  for (const chain of nat?.chains.values() ?? []) {
    if (prefixes.some((prefix) => chain.name.startsWith(prefix))) heads.push(...chain.rules.slice(0, HEAD));
  }
  return heads;
}

/** The one address of `-d`. */
export function hostOf(rule: Rule): Ip | null {
  for (const match of rule.matches) {
    if (match.kind === 'destination' && !match.negated && isHost(match)) return match.cidr.base;
  }
  return null;
}

function isHost(match: Extract<Match, { readonly kind: 'destination' | 'source' }>): boolean {
  return match.cidr.prefix === (match.cidr.base.includes(':') ? 128 : 32);
}

function isForClusterIP(rule: Rule, clusterIPs: ReadonlySet<Ip>): boolean {
  const host = hostOf(rule);
  return host !== null && (clusterIPs.has(host) || (rule.comment?.endsWith(' cluster IP') ?? false));
}

export function marksClusterIP(rule: Rule, clusterIPs: ReadonlySet<Ip>): boolean {
  return jumpsTo(rule, 'KUBE-MARK-MASQ') && isForClusterIP(rule, clusterIPs);
}

function entersCluster(rule: Rule, clusterIPs: ReadonlySet<Ip>): boolean {
  return (jumpsTo(rule, 'KUBE-SVC-') || jumpsTo(rule, 'KUBE-SVL-')) && isForClusterIP(rule, clusterIPs);
}

/** True when the rule has a condition on where the packet comes from; it then counts as a vote. */
function voteDetection(rule: Rule, negated: boolean, votes: Votes<LocalDetection>): boolean {
  for (const match of rule.matches) {
    const detection = detectionOf(match, negated);
    if (detection !== null) {
      votes.add(detection);
      return true;
    }
  }
  return false;
}

function detectionOf(match: Match, negated: boolean): LocalDetection | null {
  if (match.kind === 'source' && match.negated === negated) return { mode: 'source', cidr: match.cidr };
  if (match.kind === 'in-interface' && match.negated === negated) return { mode: 'interface', name: match.name };
  return null;
}

export function printDetection(detection: LocalDetection): string {
  switch (detection.mode) {
    case 'none':
      return 'none';
    case 'source':
      return printCidr(detection.cidr);
    case 'interface':
      return detection.name;
  }
}

function isForAll(rule: Rule): boolean {
  return rule.matches.some((match) => match.kind === 'address-type' && match.types.includes('LOCAL'));
}

function excludesLoopback(rule: Rule): boolean {
  return rule.matches.some((match) => match.kind === 'destination' && match.negated);
}

/**
 * The counting node-port rules of 1.31 and later, and the localnet rule of 1.27 and later where no kubelet could have
 * written it, exist only while localhost node ports are served.
 */
function localhostSigns(nat: Table | undefined, filter: Table | undefined): number {
  const counting = rulesOf(nat, 'KUBE-NODEPORTS').filter((rule) =>
    rule.matches.some((match) => match.kind === 'nfacct'),
  );
  const kubelet = filter?.chains.has('KUBE-KUBELET-CANARY') ?? false;
  const localnet = kubelet ? [] : rulesOf(filter, 'KUBE-FIREWALL').filter((rule) => excludesSource(rule));
  return counting.length + localnet.length;
}

function excludesSource(rule: Rule): boolean {
  return rule.matches.some((match) => match.kind === 'source' && match.negated && match.cidr.base === '127.0.0.0');
}
