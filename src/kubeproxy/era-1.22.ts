import type { ExpectedChain, ExpectedRule } from './expectation.ts';
import { addressMark, addressRule, externalBlocks, FILTER_SERVICES, healthCheckAccept } from './expect-entries.ts';
import { NAT_SERVICES, nodePortRule, noEndpoints } from './expect-entries.ts';
import { clusterIpMark } from './expect-external.ts';
import { chainsUntil123, fromLoopback, policyChainName } from './expect-xlb.ts';
import { externalMarkForms } from './local-traffic.ts';
import { jumpTo, makeRule, required, TO_MARK_MASQ, toPort } from './made-rule.ts';
import type { Era, PortPlan } from './port-plan.ts';

/** 1.22 and 1.23: entry rules only lead on, KUBE-SVC marks (#96959). */
export const ERA_1_22: Era = { entries, chains };

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
  const toPolicy = jumpTo(policyChainName(plan));
  return [
    addressRule(plan, 'cluster-ip-entry', NAT_SERVICES, port.clusterIP, `${name} cluster IP`, jumpTo(names.svc)),
    ...port.externalIPs.map((ip) =>
      addressRule(plan, 'external-ip-entry', NAT_SERVICES, ip, `${name} external IP`, toPolicy),
    ),
    ...policies.vips.map((ip) =>
      addressRule(plan, 'load-balancer-entry', NAT_SERVICES, ip, `${name} loadbalancer IP`, jumpTo(names.fw)),
    ),
    ...(port.nodePort === 0 ? [] : nodePortEntries(plan)),
    ...healthCheckAccept(plan),
  ];
}

function nodePortEntries(plan: PortPlan): readonly ExpectedRule[] {
  const entry = nodePortRule(plan, 'node-port-entry', jumpTo(policyChainName(plan)));
  if (!plan.policies.externalLocal) return [entry];
  return [nodePortRule(plan, 'entry-mark', TO_MARK_MASQ, fromLoopback(plan)), entry];
}

function chains(plan: PortPlan): readonly ExpectedChain[] {
  return chainsUntil123(plan, marks(plan));
}

/** KUBE-SVC is reached from everywhere, so each mark rule names the address again. */
function marks(plan: PortPlan): readonly ExpectedRule[] {
  const { port, policies, name } = plan;
  const { svc } = plan.chains;
  const own = clusterIpMark(plan, svc);
  if (policies.externalLocal) return own;
  const forms = externalMarkForms(plan.settings);
  return [
    ...own,
    ...port.externalIPs.flatMap((ip) => addressMark(plan, 'external-mark', svc, ip, `${name} external IP`, forms)),
    ...(port.nodePort === 0 ? [] : [nodePortMark(plan)]),
  ];
}

function nodePortMark(plan: PortPlan): ExpectedRule {
  const matches = [plan.onProtocol, toPort(plan.protocol, plan.port.nodePort)];
  return required('external-mark', 'nat', makeRule(plan.chains.svc, matches, plan.name, TO_MARK_MASQ));
}
