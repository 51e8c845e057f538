import { defineCheck } from './check.ts';
import { missingEntries } from './fault.ts';

export default defineCheck({
  id: 'SVC353',
  slug: 'health-check-port',
  severity: 'error',
  invariant: null,
  scope: 'service-port',
  title: 'the health-check node port is accepted',
  docs: {
    why: `A load balancer asks each node on healthCheckNodePort whether it has local endpoints. kube-proxy accepts that port in filter KUBE-NODEPORTS, which matters where the INPUT policy drops.`,
    causes: [`Another program deleted rules in filter.`],
    fix: [`Have kube-proxy on the node write its rules again: it rewrites its filter chains at every sync.`],
    ignoreWhen: `When the INPUT policy is ACCEPT and no other rule drops.`,
  },
  applies: (view) => view.comparison.entries.some((entry) => entry.expected.role === 'health-check-accept'),
  judge: (view) => missingEntries(view, ['health-check-accept'], 'accept rule for its health check'),
});
