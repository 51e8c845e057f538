import { printRule } from '../netfilter/print.ts';
import type { BalancingComparison } from '../kubeproxy/compare-balancing.ts';
import { defineCheck, judged, type Fault } from './check.ts';
import { endpointName, proof } from './fault.ts';
import type { PortView } from './world.ts';

export default defineCheck({
  id: 'SVC331',
  slug: 'balancing-rule',
  severity: 'error',
  invariant: 'I3',
  scope: 'service-port',
  title: 'every endpoint in use has its balancing rule',
  docs: {
    why: `The KUBE-SVC chain has as many balancing rules as endpoints, each taken with a chance that gives all the same share. Without its rule an endpoint gets no connection; the others share its part unevenly, and if the last rule is missing, the rest fails.`,
    causes: [
      `Another program deleted rules in nat.`,
      `The chain was edited by hand, for instance to take an endpoint out.`,
    ],
    fix: [
      `Have kube-proxy on the node write its rules again: since 1.27 it leaves the chains of unchanged Services alone until then.`,
    ],
    ignoreWhen: `Never while the endpoint is ready.`,
  },
  applies: (view) => view.comparison.balancing.length > 0,
  judge: (view) => judged(view.stale !== null ? [] : view.comparison.balancing.flatMap((list) => missing(view, list))),
});

function missing(view: PortView, list: BalancingComparison): readonly Fault[] {
  const lost = list.missing.filter((rule) => hasChain(view, rule.endpoint));
  if (lost.length === 0) return [];
  const names = lost.map(endpointName).join(', ');
  return [
    {
      title: `${list.expected.name} has no balancing rule for ${names}`,
      cause: `${list.expected.name} ${names}`,
      expected: list.wanted.map((rule) => printRule(rule.rule)),
      proof: proof(
        list.expected.table,
        list.members.map((member) => member.rule),
      ),
      found: foundInstead(list),
      confidence: 'certain',
    },
  ];
}

/** An endpoint without a chain is the endpoint chain's fault already. */
function hasChain(view: PortView, endpoint: unknown): boolean {
  return view.comparison.seps.some((sep) => sep.expected.endpoint === endpoint && sep.list.chain !== null);
}

function foundInstead(list: BalancingComparison): string | null {
  if (list.chain === null) return `there is no chain ${list.expected.name} in table ${list.expected.table}`;
  return list.members.length === 0 ? `${list.expected.name} has no balancing rule at all` : null;
}
