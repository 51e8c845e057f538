import { defineCheck, judged } from './check.ts';
import { proof } from './fault.ts';

export default defineCheck({
  id: 'SVC403',
  slug: 'both-back-ends',
  severity: 'warning',
  invariant: null,
  scope: 'node',
  always: true,
  title: "kube-proxy's rules are in one back end of iptables only",
  docs: {
    why: `iptables has two back ends, nft and legacy, and the kernel applies the rules of both. Rules of kube-proxy in the one it does not use now are never updated: they go on to translate to the endpoints of the day they were left.`,
    causes: [
      `The image of kube-proxy, or of the node, changed from iptables-legacy to iptables-nft, and the node was not rebooted.`,
      `kube-proxy and kubelet, or a second kube-proxy, use different back ends.`,
    ],
    fix: [
      `Remove the rules of the back end that is not in use, or reboot the node.`,
      `Make sure that one kube-proxy runs on the node.`,
    ],
    ignoreWhen: `Never: at best the leftover rules are the same today.`,
  },
  applies: (view) => view.hasProxyRules,
  judge: (view) =>
    judged(
      view.otherBackends.map((other) => {
        const jumps = [...(other.tables.get('nat')?.chains.get('PREROUTING')?.rules ?? [])].filter(
          ({ target }) => target.kind === 'jump' && target.chain === 'KUBE-SERVICES',
        );
        const chains = other.tables.get('nat')?.chains.size ?? 0;
        return {
          title: `the ${other.backend} back end holds rules of kube-proxy too`,
          cause: other.backend,
          expected: [`rules of kube-proxy in ${view.index.ruleset.source} only`],
          proof: proof('nat', jumps).map((jump) => ({ ...jump, source: other.source })),
          found: `${other.source} has ${chains} chains in table nat${jumps.length > 0 ? '; PREROUTING leads there' : ', to which nothing leads'}`,
          confidence: 'certain',
          fix: [
            `${other.source.replace(/-save$/, '')} -t nat -F KUBE-SERVICES   # on ${view.node}, after reading what it holds`,
          ],
        };
      }),
    ),
  hits: () => false,
});
