import type { ExpectedChain, ExpectedRule } from './expectation.ts';
import { arrowComment, balancingRules } from './expect-balancing.ts';
import { addressRule, externalBlocks, FILTER_SERVICES, healthCheckAccept, NAT_SERVICES } from './expect-entries.ts';
import { nodePortRule, noEndpoints } from './expect-entries.ts';
import { clusterIpMark, externalChain, internalChain, nodeAllows, rangeAllows } from './expect-external.ts';
import { jumpTo, makeRule, required, TO_MARK_DROP } from './made-rule.ts';
import type { Era, PortPlan } from './port-plan.ts';

/**
 * 1.24: KUBE-EXT and KUBE-SVL as later (#106497, #109060), but what must be dropped is marked in nat by KUBE-MARK-DROP
 * and dropped by kubelet's KUBE-FIREWALL.
 */
export const ERA_1_24: Era = { entries, chains };

function entries(plan: PortPlan): readonly ExpectedRule[] {
  const { port, policies, name, chains: names } = plan;
  if (!plan.endpoints.hasEndpoints) {
    const block = noEndpoints(plan);
    return [
      addressRule(plan, 'cluster-ip-blocked', FILTER_SERVICES, port.clusterIP, block.comment, block.target),
      ...externalBlocks(plan, block),
      ...healthCheckAccept(plan),
    ];
  }
  const toVip = jumpTo(hasFirewall(plan) ? names.fw : names.ext);
  const toInside = jumpTo(internalChain(plan));
  const toExt = jumpTo(names.ext);
  return [
    addressRule(plan, 'cluster-ip-entry', NAT_SERVICES, port.clusterIP, `${name} cluster IP`, toInside),
    ...port.externalIPs.map((ip) =>
      addressRule(plan, 'external-ip-entry', NAT_SERVICES, ip, `${name} external IP`, toExt),
    ),
    ...policies.vips.map((ip) =>
      addressRule(plan, 'load-balancer-entry', NAT_SERVICES, ip, `${name} loadbalancer IP`, toVip),
    ),
    ...(port.nodePort === 0 ? [] : [nodePortRule(plan, 'node-port-entry', toExt)]),
    ...healthCheckAccept(plan),
  ];
}

function hasFirewall(plan: PortPlan): boolean {
  return plan.policies.vips.length > 0 && plan.sourceRanges.length > 0;
}

function chains(plan: PortPlan): readonly ExpectedChain[] {
  const { endpoints, policies } = plan;
  if (!endpoints.hasEndpoints) return [];
  return [
    ...(endpoints.usesCluster ? [clusterChain(plan)] : []),
    ...(endpoints.usesLocal ? [localChain(plan)] : []),
    ...(policies.externallyAccessible ? [externalChain(plan, true)] : []),
    ...(hasFirewall(plan) ? [firewallChain(plan)] : []),
  ];
}

function clusterChain(plan: PortPlan): ExpectedChain {
  const { svc } = plan.chains;
  const comment = arrowComment(plan);
  const mark = internalChain(plan) === svc ? clusterIpMark(plan, svc) : [];
  const list = balancingRules(plan, svc, plan.endpoints.cluster, { affinity: comment, balance: comment });
  return { table: 'nat', name: svc, role: 'svc', rules: [...mark, ...list], endpoint: null };
}

/** There even without an endpoint on this node: then it drops. */
function localChain(plan: PortPlan): ExpectedChain {
  const { svl } = plan.chains;
  const { local } = plan.endpoints;
  const comment = arrowComment(plan);
  const mark = internalChain(plan) === svl ? clusterIpMark(plan, svl) : [];
  const drop = makeRule(svl, [], `${plan.name} has no local endpoints`, TO_MARK_DROP);
  const list =
    local.length === 0
      ? [required('no-local-endpoints', 'nat', drop)]
      : balancingRules(plan, svl, local, { affinity: comment, balance: comment });
  return { table: 'nat', name: svl, role: 'svl', rules: [...mark, ...list], endpoint: null };
}

/** One block for each load-balancer address; from the second on they are never reached, as kube-proxy wrote them. */
function firewallChain(plan: PortPlan): ExpectedChain {
  const { fw, ext } = plan.chains;
  const drop = makeRule(fw, [], `${plan.name} loadbalancer IP`, TO_MARK_DROP);
  const rules = plan.policies.vips.flatMap((vip) => [
    ...rangeAllows(plan, ext),
    ...nodeAllows(plan, [vip], ext),
    required('firewall-end', 'nat', drop),
  ]);
  return { table: 'nat', name: fw, role: 'fw', rules, endpoint: null };
}
