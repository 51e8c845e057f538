import { defineCheck, judged, type Fault } from './check.ts';
import { proof } from './fault.ts';
import type { OldPicture } from '../kubeproxy/stale.ts';
import type { PortView } from './world.ts';

export default defineCheck({
  id: 'SVC326',
  slug: 'endpoints-current',
  severity: 'error',
  invariant: 'I2',
  scope: 'service-port',
  title: "the node's rules are for the endpoints the API has now",
  docs: {
    why: `The rules of this Service port are whole and consistent, but for other endpoints than the API has: kube-proxy on this node stopped following the API, or has not caught up. New endpoints get nothing from this node; those that are gone still get their share, which fails.`,
    causes: [
      `kube-proxy on this node is not running, hangs, or has lost its connection to the API server.`,
      `kube-proxy cannot write its rules: see its log for iptables-restore errors.`,
      `kube-proxy 1.27 to 1.29 can forget a change that arrives while a write fails (kubernetes issue 122204).`,
      `The endpoints changed moments ago: look again.`,
    ],
    fix: [
      `See whether kube-proxy on the node runs and what it logs.`,
      `Restart it: at start it reads everything and rewrites all rules.`,
    ],
    ignoreWhen: `When the next look a few seconds later does not show it any more.`,
  },
  applies: (view) => view.expected.endpoints.hasEndpoints || view.stale !== null,
  judge: (view) =>
    judged(view.stale === null || view.stale.believes === 'nothing' ? [] : [outOfDate(view, view.stale)]),
});

function outOfDate(view: PortView, stale: OldPicture): Fault {
  const parts = [
    ...(stale.gone.length > 0 ? [`still uses ${stale.gone.join(', ')}`] : []),
    ...(stale.unused.length > 0 ? [`does not use ${stale.unused.join(', ')}`] : []),
  ];
  return {
    title: `kube-proxy has not applied the current endpoints: it ${parts.join(' and ')}`,
    cause: `${stale.gone.join()} ${stale.unused.join()}`,
    expected: [
      `endpoints ${view.expected.endpoints.reachable.map((endpoint) => `${endpoint.ip}:${endpoint.port}`).join(', ') || 'none'}`,
    ],
    proof: proof(stale.believes === 'no endpoints' ? 'filter' : 'nat', stale.rules),
    found: stale.rules.length > 0 ? null : `rules for fewer endpoints, each list even in itself`,
    confidence: 'certain',
    alsoBreaks: stale.believes === 'no endpoints' ? ['I1', 'I3'] : ['I3'],
  };
}
