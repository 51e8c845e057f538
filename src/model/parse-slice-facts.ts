import { isObject, itemsOf } from './decode.ts';
import type { Service, SliceFacts } from './service.ts';
import type { ClusterFile } from './snapshot.ts';

const SERVICE_NAME_LABEL = 'kubernetes.io/service-name';

/**
 * What an EndpointSlice says of itself, also one that kube-proxy cannot use: by Service. Odd fields are left out here, and
 * noted where the endpoints are read.
 */
export function sliceFacts(files: ReadonlyMap<ClusterFile, unknown>): (service: Service) => readonly SliceFacts[] {
  let byService: ReadonlyMap<string, readonly SliceFacts[]> | null = null;
  return ({ namespace, name }) => {
    byService ??= Map.groupBy(
      files.has('endpointslices') ? itemsOf('endpointslices', files.get('endpointslices')).flatMap(factsOf) : [],
      ({ service }) => service,
    );
    return byService.get(`${namespace}/${name}`) ?? NONE;
  };
}

const NONE: readonly SliceFacts[] = [];

function factsOf(item: unknown): readonly SliceFacts[] {
  if (!isObject(item) || !isObject(item['metadata'])) return [];
  const { namespace, name, labels } = item['metadata'];
  const owner = isObject(labels) ? labels[SERVICE_NAME_LABEL] : null;
  if (typeof namespace !== 'string' || typeof name !== 'string' || typeof owner !== 'string') return [];
  const ports = Array.isArray(item['ports']) ? item['ports'].filter(isObject) : [];
  return [
    {
      service: `${namespace}/${owner}`,
      name,
      addressType: textOf(item['addressType']),
      ports: ports.map((port) => ({ name: textOf(port['name']), protocol: textOf(port['protocol'], 'TCP') })),
      endpoints: Array.isArray(item['endpoints']) ? item['endpoints'].length : 0,
    },
  ];
}

function textOf(value: unknown, otherwise = ''): string {
  return typeof value === 'string' ? value : otherwise;
}
