import { defineCheck } from './check.ts';
import { missingEntries } from './fault.ts';

export default defineCheck({
  id: 'SVC303',
  slug: 'external-ip-entry',
  severity: 'error',
  invariant: 'I1',
  scope: 'service-port',
  title: 'every external IP has its entry rule in KUBE-SERVICES',
  docs: {
    why: `Traffic to an address of spec.externalIPs that arrives at a node is taken to the Service by one rule in nat KUBE-SERVICES. Without it the node forwards or answers the packet as any other.`,
    causes: [
      `Another program deleted or replaced rules in nat.`,
      `kube-proxy fails to write its rules, or has not heard of the external IP yet.`,
    ],
    fix: [
      `Have kube-proxy on the node write its rules again: it does so completely when it starts.`,
      `If the rule disappears again, look for the program that removes it: a firewall manager that reloads, a second kube-proxy, a CNI plugin that flushes nat.`,
    ],
    ignoreWhen: `When the external IP is never routed to this node.`,
  },
  applies: (view) => view.comparison.entries.some((entry) => entry.expected.role === 'external-ip-entry'),
  judge: (view) => missingEntries(view, ['external-ip-entry'], 'entry rule'),
});
