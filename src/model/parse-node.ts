import { parseCidr, parseIp, type Ip } from './address.ts';
import { describe, note, readList, readObject, readObjects, readText, readTextMap, type JsonObject } from './decode.ts';
import { readParsed } from './parse-address-list.ts';
import type { Metadata } from './parse-metadata.ts';
import type { NodeFacts } from './service.ts';

/** The label kube-proxy takes its zone from; the older `failure-domain.beta` one is not read. */
const ZONE_LABEL = 'topology.kubernetes.io/zone';

/** Address types whose text is a host name, not an IP. */
const NAME_TYPES: ReadonlySet<string> = new Set(['Hostname', 'InternalDNS', 'ExternalDNS']);

export function parseNode(item: JsonObject, metadata: Metadata): NodeFacts {
  const { reader } = metadata;
  const status = readObject(reader, item, '', 'status');
  const addresses = readAddresses(status, metadata);
  const info = readObject(reader, status, 'status', 'nodeInfo');
  return {
    name: metadata.name,
    internalIPs: addresses.filter(({ type }) => type === 'InternalIP').map(({ ip }) => ip),
    addresses: addresses.map(({ ip }) => ip),
    podCIDRs: readPodCIDRs(item, metadata),
    zone: metadata.labels.get(ZONE_LABEL) ?? null,
    ready: readReady(status, metadata),
    operatingSystem: readText(reader, info, 'status.nodeInfo', 'operatingSystem'),
    annotations: [...readTextMap(metadata.reader, metadata.fields, 'metadata', 'annotations').keys()],
    labels: metadata.labels,
  };
}

function readAddresses(
  status: JsonObject,
  { reader }: Metadata,
): readonly { readonly type: string | null; readonly ip: Ip }[] {
  return readObjects(reader, status, 'status', 'addresses').flatMap(({ value, path }) => {
    const type = readText(reader, value, path, 'type');
    const text = readText(reader, value, path, 'address') ?? '';
    const ip = parseIp(text);
    if (ip !== null) return [{ type, ip }];
    if (type === null || !NAME_TYPES.has(type)) {
      note(reader, `${path}.address`, `is ${describe(text)}, not an IP; set aside`);
    }
    return [];
  });
}

function readPodCIDRs(item: JsonObject, { reader }: Metadata): NodeFacts['podCIDRs'] {
  const spec = readObject(reader, item, '', 'spec');
  const list = readList(reader, spec, 'spec', 'podCIDRs');
  if (list.length > 0) return readParsed(reader, list, 'spec.podCIDRs', parseCidr, 'an address range');
  const single = readText(reader, spec, 'spec', 'podCIDR') ?? '';
  return single === '' ? [] : readParsed(reader, [single], 'spec.podCIDR', parseCidr, 'an address range');
}

function readReady(status: JsonObject, { reader }: Metadata): boolean | null {
  for (const { value, path } of readObjects(reader, status, 'status', 'conditions')) {
    if (value['type'] === 'Ready') return readText(reader, value, path, 'status') === 'True';
  }
  return null;
}
