import { FAMILIES } from './address.ts';
import { isObject, MalformedClusterFile, describe } from './decode.ts';
import { endpointKeyOf, parseEndpointsObject, parseSlice, type EndpointGroup } from './parse-endpoints.ts';
import { parseDns } from './parse-dns.ts';
import { readItems } from './parse-metadata.ts';
import { parseNode } from './parse-node.ts';
import { parsePod } from './parse-pod.ts';
import { readyAddresses } from './parse-ready-addresses.ts';
import { parseService } from './parse-service.ts';
import { sliceFacts } from './parse-slice-facts.ts';
import { servicePortsOf } from './parse-service-port.ts';
import type { Cluster, Endpoint, ObjectNote, Service, ServicePort } from './service.ts';
import type { ClusterFile } from './snapshot.ts';

export { MalformedClusterFile } from './decode.ts';

const NO_ENDPOINTS: readonly Endpoint[] = [];

/**
 * Everything the checks know of a cluster, from the API's own JSON. The order of objects in a list means nothing, so
 * the result does not depend on it. A file that is absent was not looked at; one that is no list of objects throws
 * {@link MalformedClusterFile}; an odd object or field becomes a note and costs nothing else.
 */
export function parseCluster(files: ReadonlyMap<ClusterFile, unknown>): Cluster {
  const notes: ObjectNote[] = [];
  const services = readServices(files, notes);
  const slices = readGroups(files, notes, 'endpointslices');
  const objects = readGroups(files, notes, 'endpoints');
  const primary = slices ?? objects ?? new Map<string, readonly Endpoint[]>();
  const nodes = files.has('nodes') ? readItems('nodes', files.get('nodes'), notes, parseNode) : [];
  const pods = files.has('pods') ? readItems('pods', files.get('pods'), notes, parsePod) : null;
  return {
    services,
    servicePorts: services.flatMap(servicePortsOf).toSorted(byIdAndFamily),
    endpointsOf: (port) => primary.get(endpointKeyOf(port)) ?? NO_ENDPOINTS,
    legacyEndpointsOf: (port) => (objects === null ? null : (objects.get(endpointKeyOf(port)) ?? NO_ENDPOINTS)),
    slicesOf: sliceFacts(files),
    readyAddressesOf: readyAddresses(files),
    dns: parseDns(files, notes),
    endpointSource: sourceOf(slices, objects),
    nodes: new Map(nodes.toSorted((a, b) => compareText(a.name, b.name)).map((node) => [node.name, node])),
    pods: pods?.toSorted(byNamespaceAndName) ?? null,
    serverVersion: readServerVersion(files),
    notes: notes.toSorted((a, b) => compareText(a.source, b.source) || compareText(a.where, b.where)),
  };
}

function sourceOf(slices: unknown, objects: unknown): Cluster['endpointSource'] {
  if (slices !== null) return 'slices';
  return objects !== null ? 'endpoints' : 'none';
}

function readServices(files: ReadonlyMap<ClusterFile, unknown>, notes: ObjectNote[]): readonly Service[] {
  if (!files.has('services')) return [];
  return readItems('services', files.get('services'), notes, parseService).toSorted(byNamespaceAndName);
}

/** null: the file was not read. */
function readGroups(
  files: ReadonlyMap<ClusterFile, unknown>,
  notes: ObjectNote[],
  file: 'endpointslices' | 'endpoints',
): ReadonlyMap<string, readonly Endpoint[]> | null {
  if (!files.has(file)) return null;
  const parse = file === 'endpoints' ? parseEndpointsObject : parseSlice;
  const groups: readonly EndpointGroup[] = readItems(file, files.get(file), notes, parse);
  const merged = new Map<string, readonly Endpoint[]>();
  for (const group of groups.toSorted((a, b) => compareText(a.object, b.object))) {
    for (const { key, endpoints } of group.byPort) {
      const known = merged.get(key);
      merged.set(key, known === undefined ? endpoints : [...known, ...endpoints]);
    }
  }
  return merged;
}

function readServerVersion(files: ReadonlyMap<ClusterFile, unknown>): string | null {
  if (!files.has('version')) return null;
  const version = files.get('version');
  if (!isObject(version)) throw new MalformedClusterFile('version', 'the document', `is ${describe(version)}`);
  const { gitVersion } = version;
  return typeof gitVersion === 'string' ? gitVersion : null;
}

function byNamespaceAndName(
  a: { readonly namespace: string; readonly name: string },
  b: { readonly namespace: string; readonly name: string },
): number {
  return compareText(a.namespace, b.namespace) || compareText(a.name, b.name);
}

function byIdAndFamily(a: ServicePort, b: ServicePort): number {
  return compareText(a.id, b.id) || FAMILIES.indexOf(a.family) - FAMILIES.indexOf(b.family);
}

/** Byte order, which no locale changes. */
function compareText(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
