import { printRule } from '../netfilter/print.ts';
import type { BalancingComparison } from '../kubeproxy/compare-balancing.ts';
import { defineCheck, judged, type Fault } from './check.ts';
import { endpointName, proof } from './fault.ts';

export default defineCheck({
  id: 'SVC332',
  slug: 'balancing-double',
  severity: 'error',
  invariant: 'I3',
  scope: 'service-port',
  title: 'no endpoint has two balancing rules in one list',
  docs: {
    why: `Each endpoint has one balancing rule. A second one takes connections that belong to the endpoints behind it, so that the shares are no longer equal.`,
    causes: [`iptables-restore was run with a saved rule set on top of the live one.`, `Two programs write the chain.`],
    fix: [`Have kube-proxy on the node write its rules again.`],
    ignoreWhen: `Never.`,
  },
  applies: (view) => view.comparison.balancing.some((list) => list.members.length > 0),
  judge: (view) => judged(view.comparison.balancing.flatMap(doubled)),
});

function doubled(list: BalancingComparison): readonly Fault[] {
  return list.doubled.map(({ expected, members }) => ({
    title: `${list.expected.name} has ${members.length} balancing rules for ${endpointName(expected)}`,
    cause: `${list.expected.name} ${endpointName(expected)}`,
    expected: [printRule(expected.rule)],
    proof: proof(
      list.expected.table,
      members.map((member) => member.rule),
    ),
    found: null,
    confidence: 'certain',
  }));
}
