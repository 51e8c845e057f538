import type { ChainName, Match } from '../netfilter/rules.ts';
import type { ExpectedChain, ExpectedRule } from './expectation.ts';
import { addressMark, podRule } from './expect-entries.ts';
import { localForms, notLocalForms } from './local-traffic.ts';
import { FROM_LOCAL, fromHost, fromRange, jumpTo, makeRule, required, accepted, TO_MARK_MASQ } from './made-rule.ts';
import type { PortPlan } from './port-plan.ts';

/** KUBE-EXT and what KUBE-FW has in 1.24 and later. */

/** The chain traffic to the cluster IP takes. */
export function internalChain(plan: PortPlan): ChainName {
  return plan.policies.internalLocal ? plan.chains.svl : plan.chains.svc;
}

/** First rule of the internal chain: mark what does not come from this node's pods (or all, with masqueradeAll). */
export function clusterIpMark(plan: PortPlan, chain: ChainName): readonly ExpectedRule[] {
  const comment = `${plan.name} cluster IP`;
  const { clusterIP } = plan.port;
  return addressMark(plan, 'cluster-ip-mark', chain, clusterIP, comment, notLocalForms(plan.settings));
}

/** KUBE-EXT, the way of all traffic from outside. `toPolicy`: its last rule, which leads to the policy's chain. */
export function externalChain(plan: PortPlan, toPolicy: boolean): ExpectedChain {
  const rules = plan.policies.externalLocal ? localPolicyRules(plan) : [markAll(plan)];
  const policyChain = plan.policies.externalLocal ? plan.chains.svl : plan.chains.svc;
  const last = makeRule(plan.chains.ext, [], null, jumpTo(policyChain));
  return {
    table: 'nat',
    name: plan.chains.ext,
    role: 'ext',
    rules: toPolicy ? [...rules, required('external-to-policy-chain', 'nat', last)] : rules,
    endpoint: null,
  };
}

function markAll(plan: PortPlan): ExpectedRule {
  const comment = `masquerade traffic for ${plan.name} external destinations`;
  return required('external-mark', 'nat', makeRule(plan.chains.ext, [], comment, TO_MARK_MASQ));
}

/** externalTrafficPolicy Local: pods and the node itself may use every endpoint, only outside clients may not. */
function localPolicyRules(plan: PortPlan): readonly ExpectedRule[] {
  const { ext, svc } = plan.chains;
  const what = `${plan.name} external destinations`;
  const onlyLocal: readonly Match[] = [FROM_LOCAL];
  const mark = makeRule(ext, onlyLocal, `masquerade LOCAL traffic for ${what}`, TO_MARK_MASQ);
  const route = makeRule(ext, onlyLocal, `route LOCAL traffic for ${what}`, jumpTo(svc));
  const pods = `pod traffic for ${what}`;
  return [
    ...podRule('external-pod-traffic', ext, pods, jumpTo(svc), localForms(plan.settings)),
    required('external-local-mark', 'nat', mark),
    required('external-local-route', 'nat', route),
  ];
}

/** Rules of KUBE-FW that let a source range in. */
export function rangeAllows(plan: PortPlan, to: ChainName): readonly ExpectedRule[] {
  const comment = `${plan.name} loadbalancer IP`;
  return plan.sourceRanges.map((range) =>
    required('firewall-allow', 'nat', makeRule(plan.chains.fw, fromRange(range), comment, jumpTo(to))),
  );
}

/**
 * Rules of KUBE-FW that let the node itself in when a range holds its address: a packet of the node to the
 * load-balancer address has that address as its source.
 */
export function nodeAllows(
  plan: PortPlan,
  vips: readonly PortPlan['port']['clusterIP'][],
  to: ChainName,
): readonly ExpectedRule[] {
  if (plan.nodeInRanges === false) return [];
  const comment = `${plan.name} loadbalancer IP`;
  return vips.map((vip) => {
    const rule = required('firewall-allow', 'nat', makeRule(plan.chains.fw, [fromHost(vip)], comment, jumpTo(to)), vip);
    return plan.nodeInRanges === null ? accepted(rule) : rule;
  });
}
