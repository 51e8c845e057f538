import { defineCheck } from './check.ts';
import { missingEntries } from './fault.ts';

export default defineCheck({
  id: 'SVC301',
  slug: 'cluster-ip-entry',
  severity: 'error',
  invariant: 'I1',
  scope: 'service-port',
  title: 'every clusterIP and port has its entry rule in KUBE-SERVICES',
  docs: {
    why: `A connection to a clusterIP is only a Service connection because one rule in nat KUBE-SERVICES sends it to the chain of the Service port. Without it the packet keeps the clusterIP as its destination, which no machine has, and is lost.`,
    causes: [
      `Another program deleted or replaced rules in nat.`,
      `kube-proxy fails to write its rules (its log and its metric sync_proxy_rules_iptables_restore_failures_total say so).`,
      `kube-proxy on this node has not heard of the Service yet.`,
    ],
    fix: [
      `Have kube-proxy on the node write its rules again: it does so completely when it starts.`,
      `If the rule disappears again, look for the program that removes it: a firewall manager that reloads, a second kube-proxy, a CNI plugin that flushes nat.`,
    ],
    ignoreWhen: `Never while the Service is used through its clusterIP.`,
  },
  applies: (view) => view.comparison.entries.some((entry) => entry.expected.role === 'cluster-ip-entry'),
  judge: (view) => missingEntries(view, ['cluster-ip-entry'], 'entry rule'),
});
