import type { PodFacts, ServiceSpecPort } from '../model/service.ts';
import { livingPods } from './service-endpoints.ts';
import type { ServiceView } from './world.ts';

/**
 * Names of the Service's ports whose targetPort is a name that no container of any matching pod has. The endpoint
 * controller then leaves the port out of the slices.
 */
export function unresolvedPorts(view: ServiceView): ReadonlyMap<string, ServiceSpecPort> {
  const pods = livingPods(view.pods ?? []);
  const unresolved = view.service.ports.filter(
    (port) => typeof port.targetPort === 'string' && pods.length > 0 && !pods.some((pod) => hasPort(pod, port)),
  );
  return new Map(unresolved.map((port) => [port.name, port]));
}

function hasPort(pod: PodFacts, port: ServiceSpecPort): boolean {
  return pod.containerPorts.some(({ name, protocol }) => name === port.targetPort && protocol === port.protocol);
}
