import { familyOf, parseIp, type Ip } from './address.ts';
import { isObject, itemsOf } from './decode.ts';
import type { ReadyAddresses, Service } from './service.ts';
import type { ClusterFile } from './snapshot.ts';

const SERVICE_NAME_LABEL = 'kubernetes.io/service-name';

/**
 * The addresses DNS has for a Service: those of ready endpoints, whatever their port, as CoreDNS reads slices
 * (`EndpointSliceToEndpoints` of its kubernetes plugin: `ready` that is not false, every address). Odd fields are left out
 * here, and noted where the endpoints are read.
 */
export function readyAddresses(files: ReadonlyMap<ClusterFile, unknown>): (service: Service) => ReadyAddresses | null {
  let byService: ReadonlyMap<string, readonly SliceAddresses[]> | null = null;
  return ({ namespace, name }) => {
    if (!files.has('endpointslices')) return null;
    byService ??= Map.groupBy(
      itemsOf('endpointslices', files.get('endpointslices')).flatMap(addressesOf),
      ({ service }) => service,
    );
    const own = byService.get(`${namespace}/${name}`) ?? [];
    const ips = new Set(own.flatMap((slice) => slice.ips));
    return {
      IPv4: [...ips].filter((ip) => familyOf(ip) === 'IPv4').toSorted(),
      IPv6: [...ips].filter((ip) => familyOf(ip) === 'IPv6').toSorted(),
      namesToo: own.some((slice) => slice.hasNames),
    };
  };
}

interface SliceAddresses {
  readonly service: string;
  readonly ips: readonly Ip[];
  /** An FQDN slice. */
  readonly hasNames: boolean;
}

function addressesOf(item: unknown): readonly SliceAddresses[] {
  if (!isObject(item) || !isObject(item['metadata'])) return [];
  const { namespace, labels } = item['metadata'];
  const owner = isObject(labels) ? labels[SERVICE_NAME_LABEL] : null;
  if (typeof namespace !== 'string' || typeof owner !== 'string') return [];
  const endpoints = Array.isArray(item['endpoints']) ? item['endpoints'].filter(isObject) : [];
  const texts = endpoints
    .filter(isReady)
    .flatMap(({ addresses }): unknown[] => (Array.isArray(addresses) ? addresses : []));
  const ips = texts.flatMap((text) => (typeof text === 'string' ? (parseIp(text) ?? []) : []));
  return [{ service: `${namespace}/${owner}`, ips, hasNames: item['addressType'] === 'FQDN' && texts.length > 0 }];
}

/** nil counts as ready. */
function isReady({ conditions }: Readonly<Record<string, unknown>>): boolean {
  return !isObject(conditions) || conditions['ready'] !== false;
}
