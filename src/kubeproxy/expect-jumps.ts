import type { ChainName, Rule, TableName } from '../netfilter/rules.ts';
import type { ExpectedRule, ProxySettings, RuleRole } from './expectation.ts';
import { featuresOf, type FeatureName } from './features.ts';
import { accepted, inState, jumpTo, makeRule, required } from './made-rule.ts';

/** A jump from a built-in chain. */
interface Jump {
  readonly table: TableName;
  readonly from: ChainName;
  readonly to: ChainName;
  readonly role: RuleRole;
  readonly comment: string | null;
  /** `-m conntrack --ctstate NEW`. */
  readonly onlyNew: boolean;
  /** Asked of the kube-proxy's features: no, no jump; not known, the jump may be there. */
  readonly when: FeatureName | null;
}

const PORTALS = 'kubernetes service portals';
const EXTERNAL = 'kubernetes externally-visible service portals';
const FIREWALL = 'kubernetes load balancer firewall';

const NAT_JUMPS: readonly Jump[] = [
  nat('PREROUTING', 'KUBE-SERVICES', 'services-jump', PORTALS),
  nat('OUTPUT', 'KUBE-SERVICES', 'services-jump', PORTALS),
  nat('POSTROUTING', 'KUBE-POSTROUTING', 'postrouting-jump', 'kubernetes postrouting rules'),
];

/** In the order they are seen on a clean node: each is inserted at the top, so the last one written comes first. */
const FILTER_JUMPS: readonly Jump[] = [
  filter('INPUT', 'KUBE-FIREWALL', null, false, 'ownsFirewallChain'),
  filter('INPUT', 'KUBE-PROXY-FIREWALL', FIREWALL, true, 'dropsInFilter'),
  filter('INPUT', 'KUBE-NODEPORTS', 'kubernetes health check service ports', false, 'acceptsHealthChecks'),
  filter('INPUT', 'KUBE-SERVICES', PORTALS, true, 'inputToServices'),
  filter('INPUT', 'KUBE-EXTERNAL-SERVICES', EXTERNAL, true, null),
  filter('FORWARD', 'KUBE-PROXY-FIREWALL', FIREWALL, true, 'dropsInFilter'),
  filter('FORWARD', 'KUBE-FORWARD', 'kubernetes forwarding rules', false, null),
  filter('FORWARD', 'KUBE-SERVICES', PORTALS, true, 'forwardToServices'),
  filter('FORWARD', 'KUBE-EXTERNAL-SERVICES', EXTERNAL, true, 'forwardToExternal'),
  filter('OUTPUT', 'KUBE-FIREWALL', null, false, 'ownsFirewallChain'),
  filter('OUTPUT', 'KUBE-PROXY-FIREWALL', FIREWALL, true, 'dropsInFilter'),
  filter('OUTPUT', 'KUBE-SERVICES', PORTALS, true, null),
];

function nat(from: ChainName, to: ChainName, role: RuleRole, comment: string): Jump {
  return { table: 'nat', from, to, role, comment, onlyNew: false, when: null };
}

function filter(
  from: ChainName,
  to: ChainName,
  comment: string | null,
  onlyNew: boolean,
  when: FeatureName | null,
): Jump {
  return { table: 'filter', from, to, role: 'filter-jump', comment, onlyNew, when };
}

/**
 * Jumps from built-in chains to kube-proxy's. kubelet writes those to KUBE-FIREWALL too, so they may be there in every
 * version; the one from INPUT to KUBE-SERVICES stays after an upgrade until the node is rebooted.
 */
export function expectJumps(settings: ProxySettings): readonly ExpectedRule[] {
  const features = featuresOf(settings);
  return [...FILTER_JUMPS, ...NAT_JUMPS].flatMap((jump) => {
    const answer = jump.when === null ? true : features(jump.when);
    const rule = required(jump.role, jump.table, ruleOf(jump));
    if (answer === true) return [rule];
    return answer === null || outlives(jump) ? [accepted(rule)] : [];
  });
}

function outlives(jump: Jump): boolean {
  return jump.to === 'KUBE-FIREWALL' || (jump.from === 'INPUT' && jump.to === 'KUBE-SERVICES');
}

function ruleOf(jump: Jump): Rule {
  const rule = makeRule(jump.from, jump.onlyNew ? [inState(['NEW'])] : [], jump.comment, jumpTo(jump.to));
  return jump.onlyNew ? { ...rule, commentAt: 1 } : rule;
}
