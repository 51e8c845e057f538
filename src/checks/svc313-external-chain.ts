import type { RuleRole } from '../kubeproxy/expectation.ts';
import { defineCheck, judged } from './check.ts';
import { missingInList } from './fault.ts';

const ROUTES: readonly RuleRole[] = [
  'external-to-policy-chain',
  'external-pod-traffic',
  'external-local-route',
  'no-local-endpoints',
];

export default defineCheck({
  id: 'SVC313',
  slug: 'external-chain',
  severity: 'error',
  invariant: 'I1',
  scope: 'service-port',
  title: 'the chain for external traffic leads on to the balancing chain of the traffic policy',
  docs: {
    why: `Node ports, external IPs and load-balancer IPs enter a chain of their own (KUBE-EXT, before 1.24 KUBE-XLB) that leads on to KUBE-SVC, or to KUBE-SVL with externalTrafficPolicy: Local. When that step is missing, external connections are not translated at all.`,
    causes: [
      `Rules were deleted or edited by hand.`,
      `externalTrafficPolicy changed and kube-proxy has not applied it.`,
    ],
    fix: [
      `Have kube-proxy on the node write its rules again: since 1.27 a damaged chain of a Service stays until that Service changes or kube-proxy starts.`,
    ],
    ignoreWhen: `When the Service is used through its clusterIP only.`,
  },
  applies: (view) =>
    view.comparison.chains.some((chain) => chain.expected.role === 'ext' || chain.expected.role === 'xlb'),
  judge: (view) =>
    judged(
      view.stale !== null
        ? []
        : view.comparison.chains.flatMap(({ expected, list }) =>
            missingInList(list, expected.name, expected.table, ROUTES),
          ),
    ),
});
