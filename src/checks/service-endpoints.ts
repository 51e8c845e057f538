import type { Endpoint, PodFacts, ServicePort } from '../model/service.ts';
import type { ServiceView } from './world.ts';

/** Questions the 2xx checks share. */

/** The Service's ports for which the API has no endpoint that could take a connection. */
export function portsWithoutEndpoints(view: ServiceView): readonly ServicePort[] {
  return view.ports.filter((port) => !view.cluster.endpointsOf(port).some(isUsable));
}

/** Ready, or still serving while it terminates: kube-proxy uses the latter when nothing else is left (KEP-1669). */
export function isUsable(endpoint: Endpoint): boolean {
  return endpoint.ready || (endpoint.serving && endpoint.terminating);
}

/** Pods that are not finished. */
export function livingPods(pods: readonly PodFacts[]): readonly PodFacts[] {
  return pods.filter((pod) => pod.phase !== 'Succeeded' && pod.phase !== 'Failed');
}

/** `app=hostnames,tier=web`, as `kubectl -l` takes it. */
export function printSelector(selector: ReadonlyMap<string, string>): string {
  return [...selector]
    .map(([key, value]) => `${key}=${value}`)
    .toSorted()
    .join(',');
}

/** `http (80/TCP)`, or `80/TCP` for an unnamed port. */
export function printPort(port: ServicePort): string {
  const number = `${port.port}/${port.protocol}`;
  return port.portName === '' ? number : `${port.portName} (${number})`;
}

/** Each port once, whatever its families. */
export function distinctPorts(ports: readonly ServicePort[]): readonly ServicePort[] {
  return [...new Map(ports.map((port) => [`${port.id}/${port.protocol}`, port])).values()];
}
