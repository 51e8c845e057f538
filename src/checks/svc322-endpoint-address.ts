import { printRule } from '../netfilter/print.ts';
import type { ChainComparison } from '../kubeproxy/compare.ts';
import { defineCheck, judged, type Fault } from './check.ts';
import { endpointName, proof } from './fault.ts';

export default defineCheck({
  id: 'SVC322',
  slug: 'endpoint-address',
  severity: 'error',
  invariant: 'I2',
  scope: 'service-port',
  title: "every KUBE-SEP chain translates to its own endpoint's address and port",
  docs: {
    why: `The name of a KUBE-SEP chain is a hash of the Service port and of the endpoint's address, so the chain can only be right for that one. A DNAT rule with another address or port sends the endpoint's share of the connections to the wrong place.`,
    causes: [
      `The rule was edited by hand or by another program.`,
      `The rule was written by a newer iptables and this one prints it wrongly: compare the versions.`,
    ],
    fix: [`Have kube-proxy on the node write its rules again.`],
    ignoreWhen: `Never.`,
  },
  applies: (view) => view.comparison.seps.some((sep) => sep.list.chain !== null),
  judge: (view) => judged(view.comparison.seps.flatMap(wrongDnat)),
});

function wrongDnat({ expected: chain, list }: ChainComparison): readonly Fault[] {
  return list.missing.flatMap(({ expected, standing }) => {
    if (expected.role !== 'dnat' || standing === null) return [];
    return [
      {
        title: `the chain of endpoint ${endpointName(expected)} translates ${sentTo(standing.target)}`,
        cause: endpointName(expected),
        expected: [printRule(expected.rule)],
        proof: proof(chain.table, [standing]),
        found: null,
        confidence: 'certain' as const,
      },
    ];
  });
}

function sentTo(target: { readonly kind: string; readonly to?: string | null }): string {
  return typeof target.to === 'string' ? `to ${target.to}` : 'to an address that is not readable';
}
