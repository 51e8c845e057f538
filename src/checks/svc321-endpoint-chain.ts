import { printRule } from '../netfilter/print.ts';
import type { ChainComparison } from '../kubeproxy/compare.ts';
import { defineCheck, judged, type Fault } from './check.ts';
import { chainContent, endpointName } from './fault.ts';
import type { PortView } from './world.ts';

export default defineCheck({
  id: 'SVC321',
  slug: 'endpoint-chain',
  severity: 'error',
  invariant: 'I2',
  scope: 'service-port',
  title: 'every endpoint in use has a KUBE-SEP chain that translates to it',
  docs: {
    why: `The DNAT rule at the end of a KUBE-SEP chain is what takes a connection to an endpoint. Without it the packet falls out of the chain again: the next balancing rule catches it, or, behind the last one, nobody does and the connection fails.`,
    causes: [
      `Another program deleted rules in nat.`,
      `kube-proxy was stopped, or failed, between declaring the chain and filling it.`,
    ],
    fix: [
      `Have kube-proxy on the node write its rules again: since 1.27 it leaves the chains of unchanged Services alone until then.`,
    ],
    ignoreWhen: `Never while the endpoint is ready.`,
  },
  applies: (view) => view.comparison.seps.length > 0,
  judge: (view) => judged(view.stale !== null ? [] : view.comparison.seps.flatMap((sep) => withoutDnat(view, sep))),
});

function withoutDnat(view: PortView, sep: ChainComparison): readonly Fault[] {
  const missing = sep.list.missing.find(({ expected, standing }) => expected.role === 'dnat' && standing === null);
  if (missing === undefined) return [];
  return [
    {
      title: `endpoint ${endpointName(missing.expected)} is never reached`,
      cause: endpointName(missing.expected),
      expected: [printRule(missing.expected.rule)],
      ...chainContent(view, sep.expected.table, sep.expected.name),
      confidence: 'certain',
      ...(sep.list.chain === null ? { alsoBreaks: ['I3'] as const } : {}),
    },
  ];
}
