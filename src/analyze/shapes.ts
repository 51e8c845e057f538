import type { PortView } from '../checks/world.ts';
import { isAsExpected } from '../kubeproxy/compare.ts';

/**
 * What a fault of the node's own rules does to one Service port it does to all of the same shape: one of them is walked
 * for all, so that a node with ten thousand Services costs as much as one with fifty.
 */
export function shapeOf(view: PortView): string {
  const { port, expected } = view;
  const { service } = port;
  const { endpoints } = expected;
  return [
    port.family,
    port.protocol,
    port.nodePort !== 0,
    Math.min(port.externalIPs.length, 2),
    Math.min(port.loadBalancerIngress.length, 2),
    port.loadBalancerIngress.some(({ ipMode }) => ipMode === 'Proxy'),
    port.sourceRanges.length > 0,
    service.healthCheckNodePort !== 0,
    service.affinitySeconds,
    service.internalTrafficPolicy,
    service.externalTrafficPolicy,
    endpoints.hasEndpoints,
    Math.min(endpoints.cluster.length, 2),
    Math.min(endpoints.local.length, 2),
    Math.min(endpoints.reachable.filter(({ node }) => node === view.on.node).length, 2),
    isAsExpected(view.comparison),
  ].join(' ');
}
