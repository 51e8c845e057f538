import { defineCheck, judged } from './check.ts';

export default defineCheck({
  id: 'SVC401',
  slug: 'proxy-rules',
  severity: 'error',
  invariant: 'I1',
  scope: 'node',
  title: "the node has kube-proxy's rules",
  docs: {
    why: `There is no chain of kube-proxy on this node, while other nodes have theirs: no Service works from here, and nothing that enters here reaches one.`,
    causes: [
      `kube-proxy does not run on the node: not scheduled (taints, node selector), crashing, or its image cannot be pulled.`,
      `All rules were flushed (iptables -F, a firewall restart, nft flush ruleset) and kube-proxy is stopped.`,
      `The node has just joined.`,
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
              title: 'kube-proxy has no rules on this node',
              cause: 'no rules',
              expected: ['chains KUBE-SERVICES, KUBE-NODEPORTS and KUBE-POSTROUTING in table nat'],
              proof: [],
              found: `no KUBE- chain of kube-proxy in ${view.index.ruleset.source}`,
              confidence: 'certain',
              alsoBreaks: ['I2', 'I3', 'I4'],
            },
          ],
    ),
  hits: () => true,
});
