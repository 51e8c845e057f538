import { familyOf, parseIp, type Family, type Protocol } from './address.ts';
import { describe, isObject, note, readBoolean, readList, readNumber, readObject, readObjects } from './decode.ts';
import { readText, type JsonObject, type ObjectReader } from './decode.ts';
import { readProtocol } from './parse-address-list.ts';
import type { Metadata } from './parse-metadata.ts';
import type { Endpoint, ServicePort } from './service.ts';

/** Endpoints of one slice (or one Endpoints object), by the key of the Service port they are for. */
export interface EndpointGroup {
  /** `namespace/name` of the object; groups are sorted by it. */
  readonly object: string;
  readonly byPort: readonly { readonly key: string; readonly endpoints: readonly Endpoint[] }[];
}

/** kube-proxy's identity of a Service port within a family: namespace, Service, port name, protocol. */
export function endpointKey(
  namespace: string,
  service: string,
  portName: string,
  protocol: Protocol,
  family: Family,
): string {
  return `${namespace}/${service}:${portName} ${protocol} ${family}`;
}

export function endpointKeyOf(port: ServicePort): string {
  return endpointKey(port.service.namespace, port.service.name, port.portName, port.protocol, port.family);
}

const SERVICE_NAME_LABEL = 'kubernetes.io/service-name';

interface Port {
  readonly name: string;
  readonly protocol: Protocol;
  readonly port: number;
}

/** One EndpointSlice. All slices with the label count, whoever manages them; FQDN slices are not for kube-proxy. */
export function parseSlice(item: JsonObject, metadata: Metadata): EndpointGroup | null {
  const { reader, namespace } = metadata;
  const family = readText(reader, item, '', 'addressType');
  const service = metadata.labels.get(SERVICE_NAME_LABEL) ?? '';
  if (service === '' || family === 'FQDN') return null;
  if (family !== 'IPv4' && family !== 'IPv6') {
    note(reader, 'addressType', `is ${describe(family)}, not IPv4, IPv6 or FQDN; the slice is set aside`);
    return null;
  }
  const ports = readObjects(reader, item, '', 'ports').flatMap(({ value, path }) => readSlicePort(reader, value, path));
  const templates = readObjects(reader, item, '', 'endpoints').flatMap(({ value, path }) =>
    readSliceEndpoint(reader, value, path, family, metadata),
  );
  const byPort = ports.map(({ name, protocol, port }) => ({
    key: endpointKey(namespace, service, name, protocol, family),
    endpoints: templates.map((template) => ({ ...template, port })),
  }));
  return { object: reader.object, byPort };
}

/** kube-proxy skips a slice port whose number is nil or 0, or whose name is nil; an empty name is a name. */
function readSlicePort(reader: ObjectReader, value: JsonObject, path: string): readonly Port[] {
  const port = readNumber(reader, value, path, 'port', 0, 65_535) ?? 0;
  const name = readText(reader, value, path, 'name');
  const protocol = readProtocol(reader, value, path);
  if (port === 0 || name === null || protocol === null) {
    if (protocol !== null) note(reader, path, 'has no port number or no name; kube-proxy skips it');
    return [];
  }
  return [{ name, protocol, port }];
}

function readSliceEndpoint(
  reader: ObjectReader,
  value: JsonObject,
  path: string,
  family: Family,
  metadata: Metadata,
): readonly Endpoint[] {
  // kube-proxy uses the first address only; the API documents the others as unused.
  const [address] = readList(reader, value, path, 'addresses');
  const ip = typeof address === 'string' ? parseIp(address) : null;
  if (ip === null || familyOf(ip) !== family) {
    note(reader, `${path}.addresses[0]`, `is ${describe(address)}, not an ${family} address; set aside`);
    return [];
  }
  const conditions = readObject(reader, value, path, 'conditions');
  const hints = readObject(reader, value, path, 'hints');
  return [
    {
      ip,
      port: 0,
      node: readText(reader, value, path, 'nodeName'),
      ready: readBoolean(reader, conditions, path, 'ready') ?? true,
      serving: readBoolean(reader, conditions, path, 'serving') ?? true,
      terminating: readBoolean(reader, conditions, path, 'terminating') ?? false,
      zoneHints: readHints(reader, hints, path, 'forZones'),
      nodeHints: readHints(reader, hints, path, 'forNodes'),
      pod: readPodName(value, metadata.namespace),
      slice: metadata.name,
    },
  ];
}

const NO_HINTS: readonly string[] = [];

function readHints(reader: ObjectReader, hints: JsonObject, path: string, key: string): readonly string[] {
  if (hints[key] === undefined) return NO_HINTS;
  const names = readObjects(reader, hints, `${path}.hints`, key).map((hint) =>
    readText(reader, hint.value, hint.path, 'name'),
  );
  return names.filter((name) => name !== null);
}

function readPodName(value: JsonObject, namespace: string): string | null {
  const { targetRef } = value;
  if (!isObject(targetRef) || targetRef['kind'] !== 'Pod') return null;
  const { name } = targetRef;
  return typeof name === 'string' && (targetRef['namespace'] ?? namespace) === namespace ? name : null;
}

/** One Endpoints object: what kube-proxy before 1.19 reads. Its order is kept: subsets, then addresses. */
export function parseEndpointsObject(item: JsonObject, metadata: Metadata): EndpointGroup {
  const { reader, namespace, name } = metadata;
  const lists = new Map<string, Endpoint[]>();
  for (const subset of readObjects(reader, item, '', 'subsets')) {
    const ports = readObjects(reader, subset.value, subset.path, 'ports').flatMap(({ value, path }) =>
      readSubsetPort(reader, value, path),
    );
    const templates = [
      ...readSubsetAddresses(reader, subset.value, subset.path, 'addresses', namespace),
      ...readSubsetAddresses(reader, subset.value, subset.path, 'notReadyAddresses', namespace),
    ];
    for (const port of ports) {
      for (const template of templates) {
        const key = endpointKey(namespace, name, port.name, port.protocol, familyOf(template.ip));
        const list = lists.get(key) ?? [];
        list.push({ ...template, port: port.port });
        lists.set(key, list);
      }
    }
  }
  return { object: reader.object, byPort: [...lists].map(([key, endpoints]) => ({ key, endpoints })) };
}

function readSubsetPort(reader: ObjectReader, value: JsonObject, path: string): readonly Port[] {
  const port = readNumber(reader, value, path, 'port', 0, 65_535) ?? 0;
  const protocol = readProtocol(reader, value, path);
  if (protocol === null) return [];
  if (port === 0) {
    note(reader, `${path}.port`, 'is absent or 0; kube-proxy skips it');
    return [];
  }
  return [{ name: readText(reader, value, path, 'name') ?? '', protocol, port }];
}

function readSubsetAddresses(
  reader: ObjectReader,
  subset: JsonObject,
  subsetPath: string,
  key: 'addresses' | 'notReadyAddresses',
  namespace: string,
): readonly Endpoint[] {
  const ready = key === 'addresses';
  return readObjects(reader, subset, subsetPath, key).flatMap(({ value, path }) => {
    const ip = parseIp(readText(reader, value, path, 'ip') ?? '');
    if (ip === null) {
      note(reader, `${path}.ip`, `is ${describe(value['ip'])}, not an IP; set aside`);
      return [];
    }
    const node = readText(reader, value, path, 'nodeName');
    const pod = readPodName(value, namespace);
    const conditions = { ready, serving: ready, terminating: false };
    return [{ ip, port: 0, node, ...conditions, zoneHints: NO_HINTS, nodeHints: NO_HINTS, pod, slice: null }];
  });
}
