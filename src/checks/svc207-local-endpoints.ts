import type { Endpoint, ServicePort, TrafficPolicy } from '../model/service.ts';
import { defineCheck, judged, type Fault } from './check.ts';
import { printPort } from './service-endpoints.ts';
import type { ServiceView } from './world.ts';

export default defineCheck({
  id: 'SVC207',
  slug: 'local-endpoints',
  severity: 'info',
  invariant: null,
  scope: 'service',
  title: 'every node has an endpoint of its own for a Local traffic policy',
  docs: {
    why: `With internalTrafficPolicy: Local a node's pods reach only endpoints on their node; with externalTrafficPolicy: Local what comes from outside to a node reaches only endpoints on that node. Where a node has none, kube-proxy drops such connections, rightly: they time out there and work elsewhere.`,
    causes: [
      `The policy is meant for a DaemonSet, and the Service is for fewer pods than there are nodes.`,
      `The pods of these nodes are not ready, or were scheduled elsewhere.`,
    ],
    fix: [
      `internalTrafficPolicy: Local: run a pod on every node (DaemonSet), or set it to Cluster.`,
      `externalTrafficPolicy: Local: let the load balancer ask healthCheckNodePort, so that it leaves these nodes out.`,
    ],
    ignoreWhen: `When nobody connects from, or to, the nodes that are named; with a load balancer that honours health checks.`,
  },
  applies: ({ service, ports }) =>
    ports.length > 0 && (service.internalTrafficPolicy === 'Local' || service.externalTrafficPolicy === 'Local'),
  judge: (view) => judged([...faults(view, 'internal'), ...faults(view, 'external')]),
});

function faults(view: ServiceView, side: 'internal' | 'external'): readonly Fault[] {
  if (policyOf(view, side) !== 'Local') return [];
  const bare = view.ports
    .map((port) => ({ port, nodes: nodesWithout(view, port) }))
    .filter(({ nodes }) => nodes.length > 0);
  const byNodes = Map.groupBy(bare, ({ nodes }) => nodes.join(', '));
  return [...byNodes].map(([names, members]) => {
    const ports = [...new Set(members.map(({ port }) => printPort(port)))].join(', ');
    const who = side === 'internal' ? `from pods on` : `from outside to`;
    const count = members[0]?.nodes.length ?? 0;
    return {
      title: `${side}TrafficPolicy is Local: connections ${who} ${count === 1 ? 'one node' : `${count} nodes`} find no endpoint of ${ports} there`,
      cause: `${side} ${names}`,
      expected: [],
      proof: [],
      found: `no endpoint on ${names}`,
      confidence: 'certain',
      fix: [],
    };
  });
}

function policyOf({ service }: ServiceView, side: 'internal' | 'external'): TrafficPolicy {
  return side === 'internal' ? service.internalTrafficPolicy : service.externalTrafficPolicy;
}

/** Nothing where no node has one: that has a code of its own. */
function nodesWithout({ cluster }: ServiceView, port: ServicePort): readonly string[] {
  const homes = new Set(
    cluster
      .endpointsOf(port)
      .filter(isUsed)
      .map((endpoint) => endpoint.node),
  );
  return homes.size === 0 ? [] : [...cluster.nodes.keys()].filter((node) => !homes.has(node)).toSorted();
}

function isUsed({ ready, serving, terminating }: Endpoint): boolean {
  return ready || (serving && terminating);
}
