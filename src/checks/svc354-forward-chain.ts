import type { RuleRole } from '../kubeproxy/expectation.ts';
import { defineCheck, judged } from './check.ts';
import { missingInList } from './fault.ts';

const ROLES: readonly RuleRole[] = ['forward-accept', 'forward-conntrack', 'forward-invalid'];

export default defineCheck({
  id: 'SVC354',
  slug: 'forward-chain',
  severity: 'error',
  invariant: null,
  scope: 'node',
  title: 'KUBE-FORWARD accepts masqueraded Service traffic and its answers',
  docs: {
    why: `Where the FORWARD policy is DROP (Docker sets it), Service traffic that is masqueraded passes only because KUBE-FORWARD accepts the mark and what belongs to known connections.`,
    causes: [`Rules were deleted or edited by hand.`, `Another program writes into the chain.`],
    fix: [`Have kube-proxy on the node write its rules again: it rewrites this chain at every sync.`],
    ignoreWhen: `When the FORWARD policy is ACCEPT and no other rule drops.`,
  },
  applies: (view) => view.hasProxyRules,
  judge: (view) =>
    judged(
      view.comparison.chains
        .filter((chain) => chain.expected.name === 'KUBE-FORWARD')
        .flatMap(({ expected, list }) => missingInList(list, expected.name, expected.table, ROLES)),
    ),
  hits: () => true,
});
