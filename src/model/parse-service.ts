import { parseCidr, parseIp, type Ip } from './address.ts';
import { describe, note, readBoolean, readList, readNumber, readObject, readObjects, readText } from './decode.ts';
import { readTextMap, type JsonObject, type ObjectReader } from './decode.ts';
import { readParsed } from './parse-address-list.ts';
import { isDeleting, type Metadata } from './parse-metadata.ts';
import { readServicePorts } from './parse-service-port.ts';
import type { LoadBalancerIngress, Service, ServiceType, TrafficPolicy } from './service.ts';

/** Timeout of `sessionAffinity: ClientIP` when the Service does not say (API default, three hours). */
const DEFAULT_AFFINITY_SECONDS = 10_800;
/** One day: the API server's own limit. */
const MAX_AFFINITY_SECONDS = 86_400;

/** One Service as the API has it. What kube-proxy makes of it, by version, is not decided here. */
export function parseService(item: JsonObject, metadata: Metadata): Service {
  const { reader } = metadata;
  const spec = readObject(reader, item, '', 'spec');
  const type = readType(reader, spec);
  const clusterIPs = readClusterIPs(reader, spec);
  return {
    namespace: metadata.namespace,
    name: metadata.name,
    type,
    headless: type !== 'ExternalName' && clusterIPs === 'none',
    externalName: type === 'ExternalName' ? readText(reader, spec, 'spec', 'externalName') : null,
    selector: readSelector(reader, spec),
    clusterIPs: clusterIPs === 'none' ? [] : clusterIPs,
    externalIPs: readParsed(
      reader,
      readList(reader, spec, 'spec', 'externalIPs'),
      'spec.externalIPs',
      parseIp,
      'an IP',
    ),
    ...readIngress(reader, item),
    sourceRanges: readSourceRanges(reader, spec),
    internalTrafficPolicy: readPolicy(reader, spec, 'internalTrafficPolicy'),
    externalTrafficPolicy: readPolicy(reader, spec, 'externalTrafficPolicy'),
    affinitySeconds: readAffinity(reader, spec),
    healthCheckNodePort: readNumber(reader, spec, 'spec', 'healthCheckNodePort', 0, 65_535) ?? 0,
    publishNotReadyAddresses: readBoolean(reader, spec, 'spec', 'publishNotReadyAddresses') ?? false,
    ports: readServicePorts(reader, spec),
    labels: metadata.labels,
    annotations: readTextMap(reader, metadata.fields, 'metadata', 'annotations'),
    deleting: isDeleting(metadata),
    resourceVersion: readText(reader, metadata.fields, 'metadata', 'resourceVersion'),
  };
}

function readType(reader: ObjectReader, spec: JsonObject): ServiceType {
  const type = readText(reader, spec, 'spec', 'type') ?? 'ClusterIP';
  if (type === 'ClusterIP' || type === 'NodePort' || type === 'LoadBalancer' || type === 'ExternalName') return type;
  note(reader, 'spec.type', `is ${describe(type)}, which is no Service type; read as ClusterIP`);
  return 'ClusterIP';
}

/** An API server before 1.20 has no `clusterIPs`. */
function readClusterIPs(reader: ObjectReader, spec: JsonObject): 'none' | readonly Ip[] {
  const list = readList(reader, spec, 'spec', 'clusterIPs');
  const single = readText(reader, spec, 'spec', 'clusterIP') ?? '';
  const [texts, path]: [readonly unknown[], string] =
    list.length > 0 ? [list, 'spec.clusterIPs'] : [single === '' ? [] : [single], 'spec.clusterIP'];
  if (texts.length === 0 || texts[0] === 'None' || texts[0] === '') return 'none';
  return readParsed(reader, texts, path, parseIp, 'an IP');
}

function readSelector(reader: ObjectReader, spec: JsonObject): ReadonlyMap<string, string> | null {
  const selector = readTextMap(reader, spec, 'spec', 'selector');
  return selector.size === 0 ? null : selector;
}

function readPolicy(reader: ObjectReader, spec: JsonObject, key: string): TrafficPolicy {
  const policy = readText(reader, spec, 'spec', key) ?? '';
  if (policy === 'Cluster' || policy === 'Local') return policy;
  if (policy !== '') note(reader, `spec.${key}`, `is ${describe(policy)}, not Cluster or Local; read as Cluster`);
  return 'Cluster';
}

function readAffinity(reader: ObjectReader, spec: JsonObject): number | null {
  const affinity = readText(reader, spec, 'spec', 'sessionAffinity') ?? 'None';
  if (affinity === 'None' || affinity === '') return null;
  if (affinity !== 'ClientIP') {
    note(reader, 'spec.sessionAffinity', `is ${describe(affinity)}, not ClientIP or None; read as None`);
    return null;
  }
  const config = readObject(reader, spec, 'spec', 'sessionAffinityConfig');
  const client = readObject(reader, config, 'spec.sessionAffinityConfig', 'clientIP');
  const path = 'spec.sessionAffinityConfig.clientIP';
  return readNumber(reader, client, path, 'timeoutSeconds', 1, MAX_AFFINITY_SECONDS) ?? DEFAULT_AFFINITY_SECONDS;
}

/** kube-proxy trims blanks around a range since 1.20 (kubernetes/kubernetes#94107) and drops what is no range. */
function readSourceRanges(reader: ObjectReader, spec: JsonObject): Service['sourceRanges'] {
  const ranges = readList(reader, spec, 'spec', 'loadBalancerSourceRanges');
  const path = 'spec.loadBalancerSourceRanges';
  return readParsed(reader, ranges, path, (text) => parseCidr(text.trim()), 'an address range');
}

function readIngress(
  reader: ObjectReader,
  item: JsonObject,
): Pick<Service, 'loadBalancerIngress' | 'loadBalancerHostnames'> {
  const status = readObject(reader, item, '', 'status');
  const balancer = readObject(reader, status, 'status', 'loadBalancer');
  const loadBalancerIngress: LoadBalancerIngress[] = [];
  const loadBalancerHostnames: string[] = [];
  for (const { value, path } of readObjects(reader, balancer, 'status.loadBalancer', 'ingress')) {
    const text = readText(reader, value, path, 'ip') ?? '';
    const hostname = readText(reader, value, path, 'hostname') ?? '';
    const ip = text === '' ? null : parseIp(text);
    if (ip !== null) loadBalancerIngress.push({ ip, ipMode: readIpMode(reader, value, path) });
    else if (text !== '') note(reader, `${path}.ip`, `is ${describe(text)}, not an IP; set aside`);
    else if (hostname !== '') loadBalancerHostnames.push(hostname);
  }
  return { loadBalancerIngress, loadBalancerHostnames };
}

function readIpMode(reader: ObjectReader, ingress: JsonObject, path: string): LoadBalancerIngress['ipMode'] {
  const mode = readText(reader, ingress, path, 'ipMode');
  if (mode === null || mode === 'VIP' || mode === 'Proxy') return mode;
  note(reader, `${path}.ipMode`, `is ${describe(mode)}, not VIP or Proxy; set aside`);
  return null;
}
