import { familyOf } from '../model/address.ts';
import type { SliceFacts } from '../model/service.ts';
import { defineCheck, judged, type Fault } from './check.ts';
import type { ServiceView } from './world.ts';

export default defineCheck({
  id: 'SVC214',
  slug: 'slice-used',
  severity: 'warning',
  invariant: null,
  scope: 'service',
  title: 'kube-proxy can use every EndpointSlice of the Service',
  docs: {
    why: `kube-proxy takes from a slice what is of an IP family of the Service and for one of its ports, by name and protocol. A slice of another addressType, or with other port names, looks right in kubectl and does nothing.`,
    causes: [
      `A slice written by hand has no port name where the Service's port has one, or another.`,
      `The slice is of type IPv6 (or FQDN), and the Service has an IPv4 address only.`,
      `A port of the Service was renamed, and whoever writes the slices has not followed.`,
    ],
    fix: [`Give the slice the port names and protocols of the Service, and an addressType that the Service has.`],
    ignoreWhen: `When the slice is for somebody else than kube-proxy, or a rename is on its way.`,
  },
  applies: ({ ports, cluster }) => ports.length > 0 && cluster.endpointSource === 'slices',
  judge: (view) => judged(view.cluster.slicesOf(view.service).flatMap((slice) => unusable(view, slice))),
});

function unusable(view: ServiceView, slice: SliceFacts): readonly Fault[] {
  const because = whyUnusable(view, slice);
  if (because === null || slice.endpoints === 0) return [];
  const { namespace } = view.service;
  return [
    {
      title: `EndpointSlice ${slice.name} is of no use to kube-proxy: ${because}`,
      cause: slice.name,
      expected: [`addressType ${families(view).join(' or ')}, ports ${portNames(view).join(', ')}`],
      proof: [],
      found: `addressType ${slice.addressType || 'none'}, ports ${slice.ports.map(printPort).join(', ') || 'none'}`,
      confidence: 'certain',
      fix: [`kubectl -n ${namespace} get endpointslice ${slice.name} -o yaml`],
    },
  ];
}

/** A slice without any port is the controller's way to say that no pod has the named targetPort: SVC203 tells that. */
function whyUnusable(view: ServiceView, { addressType, ports }: SliceFacts): string | null {
  if (!families(view).includes(addressType)) return `the Service has no ${addressType || 'such'} address`;
  const known = new Set(portNames(view));
  return ports.length === 0 || ports.some((port) => known.has(printPort(port)))
    ? null
    : 'none of its ports is one of the Service';
}

/** Of the whole Service, whichever of its ports was asked about. */
function families({ service }: ServiceView): readonly string[] {
  return [...new Set(service.clusterIPs.map(familyOf))];
}

function portNames({ service }: ServiceView): readonly string[] {
  return service.ports.map(printPort);
}

function printPort({ name, protocol }: { readonly name: string; readonly protocol: string }): string {
  return `${name === '' ? '""' : name}/${protocol}`;
}
