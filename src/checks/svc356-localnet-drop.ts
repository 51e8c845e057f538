import type { RuleRole } from '../kubeproxy/expectation.ts';
import { defineCheck, judged } from './check.ts';
import { missingInList } from './fault.ts';

const ROLES: readonly RuleRole[] = ['localnet-drop'];

export default defineCheck({
  id: 'SVC356',
  slug: 'localnet-drop',
  severity: 'error',
  invariant: null,
  scope: 'node',
  title: 'packets from outside to 127.0.0.0/8 are dropped',
  docs: {
    why: `To serve node ports on localhost kube-proxy sets route_localnet, with which the kernel accepts packets from the network that are addressed to 127.0.0.0/8. The rule in KUBE-FIREWALL drops them again. Without it, neighbours on the link reach what listens on localhost only (CVE-2020-8558); no Service is the worse for it.`,
    causes: [
      `Another program deleted or edited rules in filter.`,
      `Since 1.27 kube-proxy writes this chain only at a full sync.`,
    ],
    fix: [
      `Have kube-proxy on the node write its rules again.`,
      `Or turn localhost node ports off (--iptables-localhost-nodeports=false), where nobody needs them.`,
    ],
    ignoreWhen: `When nothing that matters listens on localhost, or the network keeps such packets away.`,
  },
  applies: (view) => view.hasProxyRules,
  judge: (view) =>
    judged(
      view.comparison.chains
        .filter((chain) => chain.expected.name === 'KUBE-FIREWALL')
        .flatMap(({ expected, list }) => missingInList(list, expected.name, expected.table, ROLES)),
    ),
  hits: () => true,
});
