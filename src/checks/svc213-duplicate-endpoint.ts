import { printAddressPort } from '../model/address.ts';
import type { ServicePort } from '../model/service.ts';
import { defineCheck, judged, type Fault } from './check.ts';
import type { ServiceView } from './world.ts';

export default defineCheck({
  id: 'SVC213',
  slug: 'duplicate-endpoint',
  severity: 'info',
  invariant: null,
  scope: 'service',
  title: 'every endpoint is in one EndpointSlice',
  docs: {
    why: `kube-proxy makes one endpoint of equal addresses in several slices. Where they disagree, about readiness or the node, which one counts depends on the version of kube-proxy.`,
    causes: [
      `The controller moves an endpoint from one slice to another, and is between the two steps.`,
      `A slice written by hand repeats what the controller's slices have.`,
    ],
    fix: [`Remove the address from one of the slices, if it stays there.`],
    ignoreWhen: `When it goes away by itself.`,
  },
  applies: ({ ports, cluster }) => ports.length > 0 && cluster.endpointSource === 'slices',
  judge: (view) => judged(repeated(view)),
});

function repeated(view: ServiceView): readonly Fault[] {
  const found = new Map<string, readonly string[]>();
  for (const port of view.ports)
    for (const [address, slices] of slicesByAddress(view, port)) found.set(address, slices);
  if (found.size === 0) return [];
  const addresses = [...found.keys()].toSorted();
  return [
    {
      title: `${addresses.length === 1 ? `${addresses[0]} is` : `${addresses.length} endpoints are`} in several EndpointSlices`,
      cause: 'duplicates',
      expected: [],
      proof: [],
      found: addresses.map((address) => `${address} in ${(found.get(address) ?? []).join(', ')}`).join('; '),
      confidence: 'certain',
      fix: [],
    },
  ];
}

function slicesByAddress(
  { cluster }: ServiceView,
  port: ServicePort,
): readonly (readonly [string, readonly string[]])[] {
  const byAddress = Map.groupBy(cluster.endpointsOf(port), (endpoint) => printAddressPort(endpoint.ip, endpoint.port));
  return [...byAddress].flatMap(([address, endpoints]) => {
    const slices = [...new Set(endpoints.map(({ slice }) => slice ?? ''))].toSorted();
    return slices.length > 1 ? [[address, slices] as const] : [];
  });
}
