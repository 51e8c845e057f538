import type { ClusterFile } from '../../model/snapshot.ts';
import { isRecord, readJson } from './read-json.ts';
import { SnapshotError } from './snapshot-error.ts';

/** `kind` of the objects in a file; null: several kinds, or none. */
const KINDS: Readonly<Record<ClusterFile, string | null>> = {
  version: null,
  services: 'Service',
  endpointslices: 'EndpointSlice',
  endpoints: 'Endpoints',
  nodes: 'Node',
  pods: 'Pod',
  namespaces: 'Namespace',
  networkpolicies: 'NetworkPolicy',
  events: 'Event',
  'kube-proxy': null,
  dns: null,
};

/**
 * Reads a file of the `cluster` folder. Takes what kubectl prints: a v1 List, a typed list, one single object (it becomes a List), and
 * for the version what `kubectl version -o json` prints.
 * @throws SnapshotError when it is not JSON or holds another kind of object
 */
export function readClusterFile(file: ClusterFile, path: string, bytes: Buffer): unknown {
  const value = readJson(path, bytes);
  if (!isRecord(value)) throw holds(path, 'is not an object', file);
  if (file === 'version') return isRecord(value['serverVersion']) ? value['serverVersion'] : value;
  // Not the API server's: answers of DNS servers.
  if (file === 'dns') return value;
  const found = value['kind'];
  const wanted = KINDS[file];
  if (found === 'List' || (found === `${wanted}List` && wanted !== null)) return checkItems(value, file, path);
  if (typeof found === 'string' && (found === wanted || (wanted === null && !found.endsWith('List')))) {
    return { apiVersion: 'v1', kind: 'List', metadata: { resourceVersion: '' }, items: [value] };
  }
  throw holds(path, typeof found === 'string' ? `holds a ${JSON.stringify(found)}` : 'has no `kind`', file);
}

function checkItems(list: Readonly<Record<string, unknown>>, file: ClusterFile, path: string): unknown {
  const { items } = list;
  if (items === null || items === undefined) return { ...list, items: [] };
  if (!Array.isArray(items)) throw holds(path, 'has `items` that are not a list', file);
  const wanted = KINDS[file];
  items.forEach((item: unknown, index) => {
    if (!isRecord(item)) throw holds(path, `has an items[${index}] that is not an object`, file);
    const kind = item['kind'];
    if (wanted !== null && kind !== undefined && kind !== wanted) {
      throw holds(path, `has a ${JSON.stringify(kind)} at items[${index}]`, file);
    }
  });
  return list;
}

function holds(path: string, what: string, file: ClusterFile): SnapshotError {
  const wanted = KINDS[file];
  return new SnapshotError(
    `${path} ${what}`,
    wanted === null
      ? 'It holds JSON as kubectl prints it.'
      : `It holds a List of ${wanted} objects, as \`kubectl get -o json\` prints it.`,
  );
}
