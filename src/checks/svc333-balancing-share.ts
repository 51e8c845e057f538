import { printRule } from '../netfilter/print.ts';
import type { BalancingComparison } from '../kubeproxy/compare-balancing.ts';
import { defineCheck, judged, type Fault } from './check.ts';
import { endpointName, proof } from './fault.ts';

export default defineCheck({
  id: 'SVC333',
  slug: 'balancing-share',
  severity: 'error',
  invariant: 'I3',
  scope: 'service-port',
  title: 'the balancing rules give every endpoint the same share',
  docs: {
    why: `The rules are tried in order, each with a chance of one in the number of endpoints that are left. Other chances, another order, or a further condition on a rule give some endpoints more than their part, or let connections fall through.`,
    causes: [
      `Rules were edited by hand, for instance to drain an endpoint.`,
      `Rules were moved or restored in another order.`,
    ],
    fix: [`Have kube-proxy on the node write its rules again.`],
    ignoreWhen: `When somebody shifts traffic on purpose; kube-proxy will undo it at its next complete write.`,
  },
  applies: (view) => view.comparison.balancing.some((list) => list.members.length > 0),
  judge: (view) => judged(view.stale !== null ? [] : view.comparison.balancing.flatMap(uneven)),
});

function uneven(list: BalancingComparison): readonly Fault[] {
  const others = list.missing.length + list.doubled.length + list.foreign.length;
  if (others > 0 || list.even || list.members.length === 0) return [];
  const shares = list.shares.map(
    ({ expected, share }) =>
      `${endpointName(expected)} ${share === null ? 'a share that depends on a condition' : percent(share)}`,
  );
  return [
    {
      title: `${list.expected.name} gives its endpoints unequal shares: ${shares.join(', ')}`,
      cause: list.expected.name,
      expected: list.wanted.map((rule) => printRule(rule.rule)),
      proof: proof(
        list.expected.table,
        list.members.map((member) => member.rule),
      ),
      found: null,
      confidence: 'certain',
    },
  ];
}

function percent(share: number): string {
  return `${Math.round(share * 1000) / 10} %`;
}
