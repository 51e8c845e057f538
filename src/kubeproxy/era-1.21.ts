import type { ExpectedChain, ExpectedRule } from './expectation.ts';
import { addressMark, addressRule, externalBlocks, FILTER_SERVICES, healthCheckAccept } from './expect-entries.ts';
import { NAT_SERVICES, nodePortRule, noEndpoints } from './expect-entries.ts';
import { chainsUntil123, fromLoopback, policyChainName } from './expect-xlb.ts';
import { externalMarkForms, notLocalForms } from './local-traffic.ts';
import { jumpTo, TO_MARK_MASQ } from './made-rule.ts';
import type { Era, PortPlan } from './port-plan.ts';

/** 1.21: each entry rule that must be masqueraded has a mark rule directly before it; no physdev rules (#96296). */
export const ERA_1_21: Era = { entries, chains };

function entries(plan: PortPlan): readonly ExpectedRule[] {
  if (!plan.endpoints.hasEndpoints) {
    const block = noEndpoints(plan);
    const { clusterIP } = plan.port;
    return [
      addressRule(plan, 'cluster-ip-blocked', FILTER_SERVICES, clusterIP, block.comment, block.target),
      ...externalBlocks(plan, block),
      ...healthCheckAccept(plan),
    ];
  }
  return [
    ...clusterIpEntries(plan),
    ...externalIpEntries(plan),
    ...loadBalancerEntries(plan),
    ...nodePortEntries(plan),
    ...healthCheckAccept(plan),
  ];
}

export function clusterIpEntries(plan: PortPlan): readonly ExpectedRule[] {
  const { clusterIP } = plan.port;
  const comment = `${plan.name} cluster IP`;
  const forms = notLocalForms(plan.settings);
  return [
    ...addressMark(plan, 'entry-mark', 'KUBE-SERVICES', clusterIP, comment, forms),
    addressRule(plan, 'cluster-ip-entry', NAT_SERVICES, clusterIP, comment, jumpTo(plan.chains.svc)),
  ];
}

function externalIpEntries(plan: PortPlan): readonly ExpectedRule[] {
  const comment = `${plan.name} external IP`;
  const forms = externalMarkForms(plan.settings);
  const target = jumpTo(policyChainName(plan));
  return plan.port.externalIPs.flatMap((ip) => [
    ...(plan.policies.externalLocal ? [] : addressMark(plan, 'entry-mark', 'KUBE-SERVICES', ip, comment, forms)),
    addressRule(plan, 'external-ip-entry', NAT_SERVICES, ip, comment, target),
  ]);
}

export function loadBalancerEntries(plan: PortPlan): readonly ExpectedRule[] {
  const comment = `${plan.name} loadbalancer IP`;
  const target = jumpTo(plan.chains.fw);
  return plan.policies.vips.map((ip) => addressRule(plan, 'load-balancer-entry', NAT_SERVICES, ip, comment, target));
}

export function nodePortEntries(plan: PortPlan): readonly ExpectedRule[] {
  if (plan.port.nodePort === 0) return [];
  const from = plan.policies.externalLocal ? fromLoopback(plan) : [];
  return [
    nodePortRule(plan, 'entry-mark', TO_MARK_MASQ, from),
    nodePortRule(plan, 'node-port-entry', jumpTo(policyChainName(plan))),
  ];
}

function chains(plan: PortPlan): readonly ExpectedChain[] {
  return chainsUntil123(plan, []);
}
