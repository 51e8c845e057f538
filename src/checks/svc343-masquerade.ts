import type { RuleRole } from '../kubeproxy/expectation.ts';
import { defineCheck, judged } from './check.ts';
import { missingInList } from './fault.ts';
import { usesMasquerade } from './masquerade.ts';

const ROLES: readonly RuleRole[] = ['postrouting-return', 'postrouting-clear', 'postrouting-masquerade'];

export default defineCheck({
  id: 'SVC343',
  slug: 'masquerade',
  severity: 'error',
  invariant: 'I4',
  scope: 'node',
  title: 'KUBE-POSTROUTING masquerades what is marked, and nothing else',
  docs: {
    why: `KUBE-POSTROUTING lets packets without the mark pass, clears the mark of the others and gives them the node's address as source. Without its MASQUERADE rule, connections through node ports to endpoints on other nodes are answered past the node and time out; without its first rule, everything that leaves the node is masqueraded.`,
    causes: [
      `Another program deleted or edited rules in nat.`,
      `kubelet before 1.27 and kube-proxy of another version both write this chain.`,
    ],
    fix: [`Have kube-proxy on the node write its rules again: it rewrites this chain at every sync.`],
    ignoreWhen: `Never.`,
  },
  applies: (view) => view.hasProxyRules,
  judge: (view) =>
    judged(
      view.comparison.chains
        .filter((chain) => chain.expected.name === 'KUBE-POSTROUTING')
        .flatMap(({ expected, list }) => missingInList(list, expected.name, expected.table, ROLES))
        .map((fault) => ({ ...fault, title: 'KUBE-POSTROUTING does not masquerade as it should' })),
    ),
  hits: usesMasquerade,
});
