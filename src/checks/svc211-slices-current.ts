import type { PodFacts } from '../model/service.ts';
import { defineCheck, judged, type Fault } from './check.ts';
import type { ServiceView } from './world.ts';

/** Milliseconds in which the EndpointSlice controller has long noticed a pod: it takes a second, or a few under load. */
const LONG_ENOUGH = 60_000;

export default defineCheck({
  id: 'SVC211',
  slug: 'slices-current',
  severity: 'error',
  invariant: null,
  scope: 'service',
  title: 'every ready pod of the selector is an endpoint',
  docs: {
    why: `kube-proxy knows pods only through EndpointSlices. A pod that has been ready for a while and stands in none gets no connections, and nothing on any node can change that.`,
    causes: [
      `kube-controller-manager does not run, or cannot reach the API server.`,
      `Something else writes the slices of this Service, and stopped.`,
      `The quota or size of slices is exhausted.`,
    ],
    fix: [`See whether kube-controller-manager runs and what its log says of the endpoint-slice controller.`],
    ignoreWhen: `When the pod became ready only just: ready for less than a minute is not reported.`,
  },
  applies: ({ pods, readAt, cluster }) => pods !== null && readAt !== null && cluster.endpointSource === 'slices',
  judge: (view) => judged(forgotten(view)),
});

function forgotten(view: ServiceView): readonly Fault[] {
  const { service, ports, cluster, readAt } = view;
  if (ports.length === 0 || readAt === null) return [];
  const known = new Set(ports.flatMap((port) => cluster.endpointsOf(port).map((endpoint) => endpoint.ip)));
  const families = new Set(ports.map((port) => port.family));
  const missing = (view.pods ?? []).filter(
    (pod) =>
      isSettled(pod, readAt) &&
      pod.ips.some((ip) => families.has(ip.includes(':') ? 'IPv6' : 'IPv4')) &&
      !pod.ips.some((ip) => known.has(ip)),
  );
  if (missing.length === 0 || known.size === 0) return [];
  const names = missing.map((pod) => pod.name).toSorted();
  return [
    {
      title: `${names.length === 1 ? `ready pod ${names[0]} is` : `${names.length} ready pods are`} in no EndpointSlice of the Service`,
      cause: 'slices',
      expected: names.map((name) => `an endpoint for pod ${name}`),
      proof: [],
      found: `the slices have ${known.size === 1 ? 'one other address' : `${known.size} other addresses`}`,
      confidence: 'certain',
      fix: [
        `kubectl -n ${service.namespace} get endpointslices -l kubernetes.io/service-name=${service.name} -o wide`,
        `kubectl -n kube-system get pods -l component=kube-controller-manager`,
      ],
    },
  ];
}

function isSettled({ ready, deleting, readySince }: PodFacts, readAt: string): boolean {
  return ready && !deleting && readySince !== null && Date.parse(readAt) - Date.parse(readySince) > LONG_ENOUGH;
}
