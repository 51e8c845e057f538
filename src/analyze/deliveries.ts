import type { Delivery, PortView } from '../checks/world.ts';
import type { Outcome } from '../netfilter/walk.ts';
import { walk } from '../netfilter/walk.ts';
import { contextOf, judgeOutcome } from './effects.ts';
import { flowsOf, type Flow } from './flows.ts';
import { flowName } from './impact.ts';
import { proxyRules } from './proxy-rules.ts';

/** Walks the usual connections to a port through kube-proxy's rules, and keeps those that would be answered. */
export function deliveriesOf(view: PortView): readonly Delivery[] {
  const context = contextOf(view);
  const rules = proxyRules(view.on.index.ruleset);
  return flowsOf(view).flatMap((flow) => {
    const options = { origin: flow.origin, remembered: flow.remembered };
    const { outcomes } = walk([rules], flow.packet, context, options);
    return outcomes
      .filter((outcome) => outcome.translated && judgeOutcome(view, flow, outcome).result === 'answered')
      .map((outcome) => deliveryOf(view, flow, outcome));
  });
}

function deliveryOf(view: PortView, flow: Flow, outcome: Outcome): Delivery {
  const own = [...view.on.settings.nodeIPs, ...(view.on.facts?.addresses ?? [])];
  return {
    flow: flowName(flow),
    client: flow.client,
    share: outcome.share,
    endpoint: outcome.destination,
    staysOnNode: own.includes(outcome.destination),
    masqueraded: outcome.masqueraded,
  };
}
