import { defineCheck, judged } from './check.ts';

/** Writing rules again would not help. */
const ONE_FAMILY = [
  `kubectl -n kube-system get configmap kube-proxy -o yaml   # clusterCIDR should name a range of each IP family`,
  `kubectl -n kube-system logs -l k8s-app=kube-proxy --tail=-1 | grep -iE 'dual|ip6tables|famil'`,
];

export default defineCheck({
  id: 'SVC401',
  slug: 'proxy-rules',
  severity: 'error',
  invariant: 'I1',
  scope: 'node',
  title: "the node has kube-proxy's rules",
  docs: {
    why: `There is no chain of kube-proxy on this node: no Service works from here, and nothing that enters here reaches one. Or there are chains in one IP family only: then Services do not work at their addresses of the other.`,
    causes: [
      `kube-proxy does not run on the node: not scheduled (taints, node selector), crashing, or its image cannot be pulled.`,
      `All rules were flushed (iptables -F, a firewall restart, nft flush ruleset) and kube-proxy is stopped.`,
      `The node has just joined.`,
      `kube-proxy serves one IP family (up to 1.20 the default; later when ip6tables cannot be used on the node), while Services have addresses of both.`,
    ],
    fix: [
      `See whether kube-proxy runs on the node: kubectl -n kube-system get pods -l k8s-app=kube-proxy -o wide`,
      `Read its log, then restart it.`,
    ],
    ignoreWhen: `When Services on this node are served by something else than kube-proxy.`,
  },
  applies: () => true,
  judge: (view) =>
    judged(
      view.hasProxyRules
        ? []
        : [
            {
              title: `kube-proxy has no ${view.settings.borrowed === 'family' ? `${view.family} ` : ''}rules on this node`,
              cause: 'no rules',
              expected: ['chains KUBE-SERVICES, KUBE-NODEPORTS and KUBE-POSTROUTING in table nat'],
              proof: [],
              found: `no KUBE- chain of kube-proxy in ${view.index.ruleset.source}`,
              confidence: 'certain',
              alsoBreaks: ['I2', 'I3', 'I4'],
              ...(view.settings.borrowed === 'family' ? { fix: ONE_FAMILY } : {}),
            },
          ],
    ),
  hits: () => true,
});
