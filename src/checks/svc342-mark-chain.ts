import { defineCheck, judged } from './check.ts';
import { missingInList } from './fault.ts';
import { usesMasquerade } from './masquerade.ts';

export default defineCheck({
  id: 'SVC342',
  slug: 'mark-chain',
  severity: 'error',
  invariant: 'I4',
  scope: 'node',
  title: 'KUBE-MARK-MASQ sets the mark that KUBE-POSTROUTING looks for',
  docs: {
    why: `Source NAT is asked for in one place and done in another: KUBE-MARK-MASQ sets one bit of the packet mark, KUBE-POSTROUTING masquerades what has it. When the bits differ, or nothing is set, no Service connection is masqueraded on this node.`,
    causes: [
      `kubelet and kube-proxy, or two kube-proxies, are set up with different masquerade bits.`,
      `The rule was edited by hand to make room for another program's mark.`,
    ],
    fix: [
      `Have kube-proxy on the node write its rules again.`,
      `Compare iptables.masqueradeBit of kube-proxy with --iptables-masquerade-bit of an old kubelet (before 1.27).`,
    ],
    ignoreWhen: `Never.`,
  },
  applies: (view) => view.hasProxyRules,
  judge: (view) =>
    judged(
      view.comparison.chains
        .filter((chain) => chain.expected.name === 'KUBE-MARK-MASQ')
        .flatMap(({ expected, list }) => missingInList(list, expected.name, expected.table, ['mark-masquerade']))
        .map((fault) => ({ ...fault, title: 'KUBE-MARK-MASQ does not set the masquerade mark' })),
    ),
  hits: usesMasquerade,
});
