import type { Ip } from '../model/address.ts';
import type { ChainName, Match } from '../netfilter/rules.ts';
import type { ExpectedChain, ExpectedRule } from './expectation.ts';
import { balancingRules, nameComment, type EndpointComment } from './expect-balancing.ts';
import { podRule } from './expect-entries.ts';
import { localForms } from './local-traffic.ts';
import { accepted, FROM_LOCAL, fromHost, fromRange, jumpTo, LOOPBACK, makeRule } from './made-rule.ts';
import { required, TO_MARK_DROP, TO_MARK_MASQ } from './made-rule.ts';
import type { PortPlan } from './port-plan.ts';

/** What all kube-proxies up to 1.23 have in common: KUBE-FW for every load-balancer address, KUBE-XLB, KUBE-SVC. */

/** The chain outside traffic ends in: KUBE-XLB with externalTrafficPolicy Local, else KUBE-SVC. */
export function policyChainName(plan: PortPlan): ChainName {
  return plan.policies.externalLocal ? plan.chains.xlb : plan.chains.svc;
}

/**
 * Up to 1.22, when no address of the node is in nodePortAddresses, kube-proxy goes on with the next port right after
 * the node port step: KUBE-SVC is there and led to, but empty.
 */
export function isUnfinished(plan: PortPlan): boolean {
  const addresses = plan.settings.nodePortAddresses.value;
  const none = addresses !== null && addresses.mode === 'restricted' && addresses.addresses.length === 0;
  return none && plan.port.nodePort !== 0 && plan.features('skipsAfterNodePorts') === true;
}

/** `-s 127.0.0.0/8`: what comes in by a loopback address must leave by another one. */
export function fromLoopback(plan: PortPlan): readonly Match[] {
  return [{ kind: 'source', negated: false, cidr: LOOPBACK[plan.port.family] }];
}

/** KUBE-SVC: `marks` of the era first, then the endpoints. */
export function serviceChain(plan: PortPlan, marks: readonly ExpectedRule[]): ExpectedChain {
  const { svc } = plan.chains;
  const comment = nameComment(plan);
  const list = balancingRules(plan, svc, plan.endpoints.cluster, { affinity: comment, balance: comment });
  return { table: 'nat', name: svc, role: 'svc', rules: isUnfinished(plan) ? [] : [...marks, ...list], endpoint: null };
}

/** The chains of a port with endpoints, and KUBE-XLB, which a Local port has even without any. */
export function chainsUntil123(plan: PortPlan, marks: readonly ExpectedRule[]): readonly ExpectedChain[] {
  const { endpoints, policies } = plan;
  return [
    ...(endpoints.hasEndpoints ? [serviceChain(plan, marks)] : []),
    ...(policies.externalLocal ? [localChain(plan)] : []),
    ...(endpoints.hasEndpoints && policies.vips.length > 0 ? [firewallChain(plan)] : []),
  ];
}

function localChain(plan: PortPlan): ExpectedChain {
  const empty = !plan.endpoints.hasEndpoints || isUnfinished(plan);
  const rules = empty ? [] : [...clientRules(plan), ...localList(plan)];
  return { table: 'nat', name: plan.chains.xlb, role: 'xlb', rules, endpoint: null };
}

/** Pods and the node itself may use every endpoint. */
function clientRules(plan: PortPlan): readonly ExpectedRule[] {
  const { xlb, svc } = plan.chains;
  const redirect = 'Redirect pods trying to reach external loadbalancer VIP to clusterIP';
  const pods = podRule('external-pod-traffic', xlb, redirect, jumpTo(svc), localForms(plan.settings));
  const local = plan.features('xlbLocalRules');
  if (local === false) return pods;
  const masquerade = `masquerade LOCAL traffic for ${plan.name} LB IP`;
  const route = `route LOCAL traffic for ${plan.name} LB IP to service chain`;
  const rules = [
    required('external-local-mark', 'nat', makeRule(xlb, [FROM_LOCAL], masquerade, TO_MARK_MASQ)),
    required('external-local-route', 'nat', makeRule(xlb, [FROM_LOCAL], route, jumpTo(svc))),
  ];
  return [...pods, ...(local === null ? rules.map(accepted) : rules)];
}

function localList(plan: PortPlan): readonly ExpectedRule[] {
  const { xlb } = plan.chains;
  const { local } = plan.endpoints;
  if (local.length === 0) {
    const drop = makeRule(xlb, [], `${plan.name} has no local endpoints`, TO_MARK_DROP);
    return [required('no-local-endpoints', 'nat', drop)];
  }
  return balancingRules(plan, xlb, local, xlbComments(plan));
}

/** Numbered up to 1.22, and then never left out; since 1.23 like those of KUBE-SVC. */
function xlbComments(plan: PortPlan): { readonly affinity: EndpointComment; readonly balance: EndpointComment } {
  const plain = nameComment(plan);
  if (plan.features('plainXlbComment') !== false) return { affinity: plain, balance: plain };
  const affinity: EndpointComment = plan.settings.era.value === '1.22' ? plain : () => plan.name;
  return { affinity, balance: (_, index) => `Balancing rule ${index} for ${plan.name}` };
}

/** KUBE-FW of every load-balancer address, restricted or not; one block for each address. */
function firewallChain(plan: PortPlan): ExpectedChain {
  const { fw } = plan.chains;
  const comment = `${plan.name} loadbalancer IP`;
  const mark = required('external-mark', 'nat', makeRule(fw, [], comment, TO_MARK_MASQ));
  const end = required('firewall-end', 'nat', makeRule(fw, [], comment, TO_MARK_DROP));
  const rules = plan.policies.vips.flatMap((vip) => [
    ...(plan.policies.externalLocal ? [] : [mark]),
    ...allows(plan, vip),
    end,
  ]);
  return { table: 'nat', name: fw, role: 'fw', rules, endpoint: null };
}

function allows(plan: PortPlan, vip: Ip): readonly ExpectedRule[] {
  const { fw } = plan.chains;
  const comment = `${plan.name} loadbalancer IP`;
  const target = jumpTo(policyChainName(plan));
  const allow = (matches: readonly Match[]): ExpectedRule =>
    required('firewall-allow', 'nat', makeRule(fw, matches, comment, target), vip);
  if (plan.sourceRanges.length === 0) return [allow([])];
  const ranges = plan.sourceRanges.map((range) => allow(fromRange(range)));
  if (plan.nodeInRanges === false) return ranges;
  const own = allow([fromHost(vip)]);
  return [...ranges, plan.nodeInRanges === null ? accepted(own) : own];
}
