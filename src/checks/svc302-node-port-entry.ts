import { defineCheck } from './check.ts';
import { missingEntries } from './fault.ts';

export default defineCheck({
  id: 'SVC302',
  slug: 'node-port-entry',
  severity: 'error',
  invariant: 'I1',
  scope: 'service-port',
  title: 'every node port has its entry rule in KUBE-NODEPORTS',
  docs: {
    why: `Connections to a node port reach the Service through one rule in nat KUBE-NODEPORTS. Without it they end at the node itself, where normally nothing listens on that port.`,
    causes: [
      `Another program deleted or replaced rules in nat.`,
      `kube-proxy fails to write its rules.`,
      `kube-proxy on this node has not heard of the Service, or of its node port, yet.`,
    ],
    fix: [
      `Have kube-proxy on the node write its rules again: it does so completely when it starts.`,
      `If the rule disappears again, look for the program that removes it: a firewall manager that reloads, a second kube-proxy, a CNI plugin that flushes nat.`,
    ],
    ignoreWhen: `When nobody uses the node port on this node, and no load balancer sends traffic to it.`,
  },
  applies: (view) => view.comparison.entries.some((entry) => entry.expected.role === 'node-port-entry'),
  judge: (view) => missingEntries(view, ['node-port-entry'], 'entry rule'),
});
