import type { Ip } from '../model/address.ts';
import type { ChainName, Match, Rule, TableName, Target } from '../netfilter/rules.ts';
import type { ExpectedRule, RuleRole } from './expectation.ts';
import type { LocalForms } from './local-traffic.ts';
import { accepted, inForms, makeRule, reject, required, TO_LOCAL, TO_MARK_MASQ, toHost, toPort } from './made-rule.ts';
import { ACCEPT } from './made-rule.ts';
import type { PortPlan } from './port-plan.ts';

/** Rules that select a Service port by address or node port, in the shapes that several eras share. */

/** `-d IP/32 -p p -m comment --comment "…" -m p --dport port -j TARGET`. */
export function addressRule(
  plan: PortPlan,
  role: RuleRole,
  place: { readonly table: TableName; readonly chain: ChainName },
  ip: Ip,
  comment: string,
  target: Target,
): ExpectedRule {
  const matches = [toHost(ip), plan.onProtocol, plan.onPort];
  return required(role, place.table, makeRule(place.chain, matches, comment, target), ip);
}

export const NAT_SERVICES = { table: 'nat', chain: 'KUBE-SERVICES' } as const;
export const FILTER_SERVICES = { table: 'filter', chain: 'KUBE-SERVICES' } as const;
export const EXTERNAL_SERVICES = { table: 'filter', chain: 'KUBE-EXTERNAL-SERVICES' } as const;
export const PROXY_FIREWALL = { table: 'filter', chain: 'KUBE-PROXY-FIREWALL' } as const;

/** `-p p -m comment --comment "X" -m p --dport np -j TARGET` in KUBE-NODEPORTS. */
export function nodePortRule(
  plan: PortPlan,
  role: RuleRole,
  target: Target,
  source: readonly Match[] = [],
): ExpectedRule {
  const matches = [...source, plan.onProtocol, toPort(plan.protocol, plan.port.nodePort)];
  return required(role, 'nat', makeRule('KUBE-NODEPORTS', matches, plan.name, target));
}

/** What stands in for an entry that is not there. */
export interface Block {
  readonly comment: string;
  readonly target: Target;
}

export function noEndpoints(plan: PortPlan): Block {
  return { comment: `${plan.name} has no endpoints`, target: reject(plan.port.family) };
}

/** Refuses a node port, for packets to an address of the node only. */
export function nodePortBlock(plan: PortPlan, block: Block): ExpectedRule {
  const matches = [plan.onProtocol, TO_LOCAL, toPort(plan.protocol, plan.port.nodePort)];
  const rule = makeRule('KUBE-EXTERNAL-SERVICES', matches, block.comment, block.target);
  return required('node-port-blocked', 'filter', rule);
}

/** Refuses the addresses for outside clients. Load-balancer addresses have had another chain, see era 1.20. */
export function externalBlocks(
  plan: PortPlan,
  block: Block,
  loadBalancer: { readonly table: TableName; readonly chain: ChainName } = EXTERNAL_SERVICES,
): readonly ExpectedRule[] {
  const { port, policies } = plan;
  const { comment, target } = block;
  return [
    ...port.externalIPs.map((ip) => addressRule(plan, 'external-ip-blocked', EXTERNAL_SERVICES, ip, comment, target)),
    ...policies.vips.map((ip) => addressRule(plan, 'load-balancer-blocked', loadBalancer, ip, comment, target)),
    ...(port.nodePort === 0 ? [] : [nodePortBlock(plan, block)]),
  ];
}

/** Lets health checks of a load balancer in, whether there are endpoints or not; once for each port of the Service. */
export function healthCheckAccept(plan: PortPlan): readonly ExpectedRule[] {
  const { healthCheckNodePort } = plan.policies;
  if (healthCheckNodePort === 0) return [];
  const matches: readonly Match[] = [
    { kind: 'protocol', negated: false, protocol: 'tcp' },
    toPort('tcp', healthCheckNodePort),
  ];
  const rule = makeRule('KUBE-NODEPORTS', matches, `${plan.name} health check node port`, ACCEPT);
  return [required('health-check-accept', 'filter', rule)];
}

/**
 * `[IfNotLocal] -d IP/32 -p p … -j KUBE-MARK-MASQ`: no rule without local detection, any of the forms that were seen
 * when it is not known.
 */
export function addressMark(
  plan: PortPlan,
  role: RuleRole,
  chain: ChainName,
  ip: Ip,
  comment: string,
  local: LocalForms,
): readonly ExpectedRule[] {
  const forms = local.forms.map((form) => makeRule(chain, markMatches(plan, ip, form), comment, TO_MARK_MASQ));
  const [shown, ...others] = forms;
  if (shown === undefined) return [];
  const rule = inForms(required(role, 'nat', shown, ip), others);
  return [local.known ? rule : accepted(rule)];
}

/** iptables saves `-s` before `-d` and `-i` after it. */
function markMatches(plan: PortPlan, ip: Ip, local: Match | null): readonly Match[] {
  const selected = [toHost(ip), plan.onProtocol, plan.onPort];
  if (local === null) return selected;
  if (local.kind === 'source') return [local, ...selected];
  return [toHost(ip), local, plan.onProtocol, plan.onPort];
}

/** A rule for this node's pods; like {@link addressMark} in what is shown, accepted or left out. */
export function podRule(
  role: RuleRole,
  chain: ChainName,
  comment: string,
  target: Target,
  local: LocalForms,
): readonly ExpectedRule[] {
  const forms: readonly Rule[] = local.forms.map((form) =>
    makeRule(chain, form === null ? [] : [form], comment, target),
  );
  const [shown, ...others] = forms;
  if (shown === undefined) return [];
  const rule = inForms(required(role, 'nat', shown), others);
  return [local.known ? rule : accepted(rule)];
}
