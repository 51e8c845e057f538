import { printAddressPort } from '../model/address.ts';
import { defineCheck, judged, type Fault } from './check.ts';
import type { ServiceView } from './world.ts';

export default defineCheck({
  id: 'SVC215',
  slug: 'mirrored-endpoints',
  severity: 'error',
  invariant: null,
  scope: 'service',
  title: 'what an Endpoints object has is in EndpointSlices too',
  docs: {
    why: `For a Service without a selector people write an Endpoints object, and a controller mirrors it into EndpointSlices, which are all that kube-proxy reads. Addresses that were not mirrored get no connections.`,
    causes: [
      `The Endpoints object has the label endpointslice.kubernetes.io/skip-mirror: "true".`,
      `kube-controller-manager does not run, or its mirroring controller is off.`,
      `The object has more than 1,000 addresses: the rest is not mirrored.`,
    ],
    fix: [`Write EndpointSlices in place of the Endpoints object, or remove what keeps it from being mirrored.`],
    ignoreWhen: `When the object was changed only just.`,
  },
  applies: ({ service, ports, cluster }) =>
    service.selector === null && ports.length > 0 && cluster.endpointSource === 'slices',
  judge: (view) => judged(missing(view)),
});

function missing({ service, ports, cluster }: ServiceView): readonly Fault[] {
  const lost = new Set<string>();
  for (const port of ports) {
    const sliced = new Set(cluster.endpointsOf(port).map((endpoint) => printAddressPort(endpoint.ip, endpoint.port)));
    for (const { ip, port: number, ready } of cluster.legacyEndpointsOf(port) ?? []) {
      const address = printAddressPort(ip, number);
      if (ready && !sliced.has(address)) lost.add(address);
    }
  }
  if (lost.size === 0) return [];
  const addresses = [...lost].toSorted();
  return [
    {
      title: `${addresses.length === 1 ? `${addresses[0]} is` : `${addresses.length} addresses are`} in the Endpoints object and in no EndpointSlice`,
      cause: 'mirror',
      expected: ['an EndpointSlice with them'],
      proof: [],
      found: addresses.slice(0, SHOWN).join(', ') + (addresses.length > SHOWN ? ', …' : ''),
      confidence: 'likely',
      fix: [
        `kubectl -n ${service.namespace} get endpoints ${service.name} -o yaml`,
        `kubectl -n ${service.namespace} get endpointslices -l kubernetes.io/service-name=${service.name} -o yaml`,
      ],
    },
  ];
}

const SHOWN = 5;
