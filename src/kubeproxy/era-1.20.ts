import type { Ip } from '../model/address.ts';
import type { Match } from '../netfilter/rules.ts';
import { clusterIpEntries, loadBalancerEntries, nodePortEntries } from './era-1.21.ts';
import type { ExpectedChain, ExpectedRule } from './expectation.ts';
import { addressRule, EXTERNAL_SERVICES, externalBlocks, FILTER_SERVICES, noEndpoints } from './expect-entries.ts';
import { chainsUntil123, policyChainName } from './expect-xlb.ts';
import { jumpTo, makeRule, NOT_BRIDGED_IN, NOT_FROM_LOCAL, required, TO_LOCAL } from './made-rule.ts';
import { TO_MARK_MASQ, toHost } from './made-rule.ts';
import type { Era, PortPlan } from './port-plan.ts';

/** Up to 1.20: like 1.21, but external IPs have two entry rules, and health-check ports have none. */
export const ERA_1_20: Era = { entries, chains };

function entries(plan: PortPlan): readonly ExpectedRule[] {
  if (!plan.endpoints.hasEndpoints) return blocks(plan);
  return [
    ...clusterIpEntries(plan),
    ...plan.port.externalIPs.flatMap((ip) => externalIpEntries(plan, ip)),
    ...loadBalancerEntries(plan),
    ...nodePortEntries(plan),
  ];
}

function blocks(plan: PortPlan): readonly ExpectedRule[] {
  const block = noEndpoints(plan);
  const { clusterIP } = plan.port;
  const balancer = plan.features('loadBalancerRejectIsExternal') === false ? FILTER_SERVICES : EXTERNAL_SERVICES;
  return [
    addressRule(plan, 'cluster-ip-blocked', FILTER_SERVICES, clusterIP, block.comment, block.target),
    ...externalBlocks(plan, block, balancer),
  ];
}

/**
 * Traffic that enters the node from outside, and traffic to an address the node has itself; a packet bridged from one
 * pod to another is left alone.
 */
function externalIpEntries(plan: PortPlan, ip: Ip): readonly ExpectedRule[] {
  const local = plan.policies.externalLocal && plan.features('localPolicyOnExternalIPs') !== false;
  const target = jumpTo(local ? policyChainName(plan) : plan.chains.svc);
  const comment = `${plan.name} external IP`;
  const base = [toHost(ip), plan.onProtocol, plan.onPort];
  const entry = (matches: readonly Match[]): ExpectedRule =>
    required('external-ip-entry', 'nat', makeRule('KUBE-SERVICES', [...base, ...matches], comment, target), ip);
  const mark = required('entry-mark', 'nat', makeRule('KUBE-SERVICES', base, comment, TO_MARK_MASQ), ip);
  return [...(local ? [] : [mark]), entry([NOT_BRIDGED_IN, NOT_FROM_LOCAL]), entry([TO_LOCAL])];
}

function chains(plan: PortPlan): readonly ExpectedChain[] {
  return chainsUntil123(plan, []);
}
