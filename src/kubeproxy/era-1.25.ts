import type { ExpectedChain, ExpectedRule } from './expectation.ts';
import { arrowComment, balancingRules } from './expect-balancing.ts';
import { addressRule, externalBlocks, FILTER_SERVICES, healthCheckAccept, NAT_SERVICES } from './expect-entries.ts';
import { nodePortRule, noEndpoints, PROXY_FIREWALL, type Block } from './expect-entries.ts';
import { clusterIpMark, externalChain, internalChain, nodeAllows, rangeAllows } from './expect-external.ts';
import { accepted, counted, DROP, jumpTo, LOOPBACK, makeRule, NO_TARGET, required } from './made-rule.ts';
import { toPort } from './made-rule.ts';
import type { Era, PortPlan } from './port-plan.ts';
import type { Answer } from './version.ts';

/** 1.25 to 1.37: drops are rules of the filter table, KUBE-MARK-DROP is gone (#110289, #110334). */
export const ERA_1_25: Era = { entries, chains };

function reachesInside(plan: PortPlan): boolean {
  const { endpoints, policies } = plan;
  return endpoints.hasEndpoints && !(policies.internalLocal && endpoints.local.length === 0);
}

function reachesOutside(plan: PortPlan): boolean {
  const { endpoints, policies } = plan;
  return endpoints.hasEndpoints && !(policies.externalLocal && endpoints.local.length === 0);
}

function hasFirewall(plan: PortPlan): boolean {
  return plan.endpoints.hasEndpoints && plan.policies.vips.length > 0 && plan.sourceRanges.length > 0;
}

/** REJECT tells clients at once that there is nobody; DROP lets a load balancer try another node. */
function blockOf(plan: PortPlan): Block {
  if (!plan.endpoints.hasEndpoints) return noEndpoints(plan);
  return { comment: `${plan.name} has no local endpoints`, target: DROP };
}

function entries(plan: PortPlan): readonly ExpectedRule[] {
  return [
    clusterIpEntry(plan),
    ...(plan.endpoints.hasEndpoints ? externalEntries(plan) : []),
    ...(reachesOutside(plan) ? [] : blockedEntries(plan)),
    ...healthCheckAccept(plan),
  ];
}

function blockedEntries(plan: PortPlan): readonly ExpectedRule[] {
  return externalBlocks(plan, blockOf(plan)).flatMap((rule) => nodePortBlocked(plan, rule));
}

function clusterIpEntry(plan: PortPlan): ExpectedRule {
  const { clusterIP } = plan.port;
  if (reachesInside(plan)) {
    const target = jumpTo(internalChain(plan));
    return addressRule(plan, 'cluster-ip-entry', NAT_SERVICES, clusterIP, `${plan.name} cluster IP`, target);
  }
  const block = blockOf(plan);
  return addressRule(plan, 'cluster-ip-blocked', FILTER_SERVICES, clusterIP, block.comment, block.target);
}

function externalEntries(plan: PortPlan): readonly ExpectedRule[] {
  const { port, policies, name } = plan;
  const toExt = jumpTo(plan.chains.ext);
  return [
    ...port.externalIPs.map((ip) =>
      addressRule(plan, 'external-ip-entry', NAT_SERVICES, ip, `${name} external IP`, toExt),
    ),
    ...policies.vips.map((ip) => loadBalancerEntry(plan, ip)),
    ...(hasFirewall(plan) ? policies.vips.map((ip) => firewallDrop(plan, ip)) : []),
    ...nodePortEntries(plan),
  ];
}

type Vip = PortPlan['policies']['vips'][number];

function loadBalancerEntry(plan: PortPlan, ip: Vip): ExpectedRule {
  const comment = `${plan.name} loadbalancer IP`;
  const chain = hasFirewall(plan) ? plan.chains.fw : plan.chains.ext;
  return addressRule(plan, 'load-balancer-entry', NAT_SERVICES, ip, comment, jumpTo(chain));
}

/** Traffic that KUBE-FW did not lead on has kept its destination. */
function firewallDrop(plan: PortPlan, ip: Vip): ExpectedRule {
  const comment = `${plan.name} traffic not accepted by ${plan.chains.fw}`;
  return addressRule(plan, 'firewall-drop', PROXY_FIREWALL, ip, comment, DROP);
}

function nodePortEntries(plan: PortPlan): readonly ExpectedRule[] {
  const serves = servesNodePort(plan);
  if (serves === false) return [];
  const entry = nodePortRule(plan, 'node-port-entry', jumpTo(plan.chains.ext));
  return [...localhostEntry(plan), serves === null ? accepted(entry) : entry];
}

/** 1.25 and 1.26 write node port rules, also those that block, only if some address of the node serves node ports. */
function servesNodePort(plan: PortPlan): Answer {
  if (plan.port.nodePort === 0) return false;
  const needsAddress = plan.features('nodePortsNeedAddress');
  const addresses = plan.settings.nodePortAddresses.value;
  if (needsAddress === false || addresses?.mode === 'all') return true;
  const hasAddress = addresses === null ? null : addresses.addresses.length > 0;
  return hasAddress === false && needsAddress === true ? false : hasAddress === true ? true : null;
}

function nodePortBlocked(plan: PortPlan, rule: ExpectedRule): readonly ExpectedRule[] {
  if (rule.role !== 'node-port-blocked') return [rule];
  const serves = servesNodePort(plan);
  if (serves === false) return [];
  return [serves === null ? accepted(rule) : rule];
}

/** Counts what comes in by localhost; the kernel module or the netlink call it needs may be missing. */
function localhostEntry(plan: PortPlan): readonly ExpectedRule[] {
  const { port, settings } = plan;
  const possible = port.family === 'IPv4' && settings.localhostNodePorts.value !== false;
  if (!possible || plan.features('nfacct') === false) return [];
  const matches = [
    { kind: 'destination', negated: false, cidr: LOOPBACK.IPv4 } as const,
    plan.onProtocol,
    toPort(plan.protocol, port.nodePort),
    counted('localhost_nps_accepted_pkts'),
  ];
  const rule = makeRule('KUBE-NODEPORTS', matches, plan.name, jumpTo(plan.chains.ext));
  return [accepted(required('node-port-localhost-entry', 'nat', rule))];
}

function chains(plan: PortPlan): readonly ExpectedChain[] {
  const { endpoints, policies } = plan;
  return [
    ...(endpoints.usesCluster && endpoints.cluster.length > 0 ? [policyChain(plan, 'svc')] : []),
    ...(endpoints.usesLocal && endpoints.local.length > 0 ? [policyChain(plan, 'svl')] : []),
    ...(endpoints.hasEndpoints && policies.externallyAccessible ? [externalChain(plan, reachesOutside(plan))] : []),
    ...(hasFirewall(plan) ? [firewallChain(plan)] : []),
  ];
}

function policyChain(plan: PortPlan, role: 'svc' | 'svl'): ExpectedChain {
  const name = plan.chains[role];
  const list = role === 'svc' ? plan.endpoints.cluster : plan.endpoints.local;
  const comment = arrowComment(plan);
  const mark = name === internalChain(plan) && reachesInside(plan) ? clusterIpMark(plan, name) : [];
  const rules = [...mark, ...balancingRules(plan, name, list, { affinity: comment, balance: comment })];
  return { table: 'nat', name, role, rules, endpoint: null };
}

function firewallChain(plan: PortPlan): ExpectedChain {
  const { fw, ext } = plan.chains;
  const rules = [...rangeAllows(plan, ext), ...nodeAllows(plan, plan.policies.vips, ext), ...firewallEnd(plan)];
  return { table: 'nat', name: fw, role: 'fw', rules, endpoint: null };
}

/** A rule without target: tells the reader where the rest goes, and does nothing. */
function firewallEnd(plan: PortPlan): readonly ExpectedRule[] {
  if (plan.features('firewallEndComment') === false) return [];
  const comment = `other traffic to ${plan.name} will be dropped by KUBE-PROXY-FIREWALL`;
  return [accepted(required('firewall-end', 'nat', makeRule(plan.chains.fw, [], comment, NO_TARGET)))];
}
