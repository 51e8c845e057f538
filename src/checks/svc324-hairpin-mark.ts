import { printRule } from '../netfilter/print.ts';
import type { ChainComparison } from '../kubeproxy/compare.ts';
import { defineCheck, judged, type Fault } from './check.ts';
import { endpointName, missingInList } from './fault.ts';

export default defineCheck({
  id: 'SVC324',
  slug: 'hairpin-mark',
  severity: 'error',
  invariant: 'I2',
  scope: 'service-port',
  title: 'every KUBE-SEP chain marks connections of an endpoint to itself for masquerading',
  docs: {
    why: `A pod that calls a Service and is balanced to itself must not see its own address as the client, or it answers itself past the node and the connection hangs. The first rule of each KUBE-SEP chain has such connections masqueraded.`,
    causes: [
      `The rule was deleted by hand or by another program.`,
      `The rules of the chain are in the wrong order: behind the DNAT rule the mark is never set.`,
    ],
    fix: [`Have kube-proxy on the node write its rules again.`],
    ignoreWhen: `When no endpoint of the Service ever calls its own Service.`,
  },
  applies: (view) => view.comparison.seps.some((sep) => sep.list.chain !== null),
  judge: (view) => judged(view.comparison.seps.filter((sep) => sep.list.chain !== null).flatMap(withoutMark)),
});

function withoutMark({ expected: chain, list }: ChainComparison): readonly Fault[] {
  // An empty chain lost everything: that is the missing translation's fault.
  if (list.chain?.rules.length === 0) return [];
  const hairpin = [...list.missing, ...list.misplaced].find(({ expected }) => expected.role === 'hairpin-mark');
  if (hairpin === undefined) return [];
  return missingInList(list, chain.name, chain.table, ['hairpin-mark']).map((fault) => ({
    ...fault,
    title: `connections of endpoint ${endpointName(hairpin.expected)} to itself are not masqueraded`,
    cause: endpointName(hairpin.expected),
    expected: [printRule(hairpin.expected.rule)],
  }));
}
