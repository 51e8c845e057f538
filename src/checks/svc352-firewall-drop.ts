import { defineCheck } from './check.ts';
import { missingEntries } from './fault.ts';

export default defineCheck({
  id: 'SVC352',
  slug: 'firewall-drop',
  severity: 'error',
  invariant: null,
  scope: 'service-port',
  title: 'traffic from outside the allowed source ranges is dropped',
  docs: {
    why: `What KUBE-FW does not let through is dropped in filter KUBE-PROXY-FIREWALL (1.25 and later). Without that rule sources outside loadBalancerSourceRanges are not kept out by this node.`,
    causes: [`Another program deleted rules in filter.`],
    fix: [`Have kube-proxy on the node write its rules again: it rewrites its filter chains at every sync.`],
    ignoreWhen: `When the load balancer enforces the ranges itself.`,
  },
  applies: (view) => view.comparison.entries.some((entry) => entry.expected.role === 'firewall-drop'),
  judge: (view) => missingEntries(view, ['firewall-drop'], 'drop rule'),
});
