import { defineCheck } from './check.ts';
import { missingEntries } from './fault.ts';

export default defineCheck({
  id: 'SVC304',
  slug: 'load-balancer-entry',
  severity: 'error',
  invariant: 'I1',
  scope: 'service-port',
  title: 'every load-balancer IP has its entry rule in KUBE-SERVICES',
  docs: {
    why: `A load balancer that keeps its own address as the destination, and pods that use that address, rely on one rule per load-balancer IP in nat KUBE-SERVICES.`,
    causes: [
      `Another program deleted or replaced rules in nat.`,
      `kube-proxy fails to write its rules, or has not seen the new status.loadBalancer yet.`,
    ],
    fix: [
      `Have kube-proxy on the node write its rules again: it does so completely when it starts.`,
      `If the rule disappears again, look for the program that removes it: a firewall manager that reloads, a second kube-proxy, a CNI plugin that flushes nat.`,
    ],
    ignoreWhen: `When the load balancer only uses node ports and pods never use its address.`,
  },
  applies: (view) => view.comparison.entries.some((entry) => entry.expected.role === 'load-balancer-entry'),
  judge: (view) => missingEntries(view, ['load-balancer-entry'], 'entry rule'),
});
