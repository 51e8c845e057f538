import type { RuleRole } from '../kubeproxy/expectation.ts';
import { defineCheck, judged, type Fault } from './check.ts';
import { missingInList } from './fault.ts';
import type { PortView } from './world.ts';

const ROLES: readonly RuleRole[] = ['firewall-allow', 'firewall-end'];

export default defineCheck({
  id: 'SVC351',
  slug: 'firewall-allow',
  severity: 'error',
  invariant: 'I1',
  scope: 'service-port',
  title: 'every allowed source range leads through the load balancer firewall chain',
  docs: {
    why: `With loadBalancerSourceRanges, traffic to the load-balancer IP enters KUBE-FW, which lets only the allowed ranges through. A range that has lost its rule is shut out; a changed one lets others in.`,
    causes: [
      `Rules were deleted or edited by hand.`,
      `loadBalancerSourceRanges changed and kube-proxy has not applied it.`,
    ],
    fix: [
      `Have kube-proxy on the node write its rules again: since 1.27 it leaves the chains of unchanged Services alone until then.`,
    ],
    ignoreWhen: `When the load balancer does not keep its own address as destination.`,
  },
  applies: (view) =>
    view.comparison.chains.some((chain) => chain.expected.rules.some((rule) => ROLES.includes(rule.role))),
  judge: (view) => judged(view.stale === null ? missing(view) : []),
});

function missing(view: PortView): readonly Fault[] {
  return view.comparison.chains
    .filter(({ list }) => list.chain !== null)
    .flatMap(({ expected, list }) => missingInList(list, expected.name, expected.table, ROLES))
    .map((fault) => ({
      ...fault,
      title: `KUBE-FW of ${view.port.id} does not let through what loadBalancerSourceRanges allows`,
    }));
}
