import type { ClusterFile, ClusterPart, SnapshotScope } from '../../model/snapshot.ts';
import { ClusterError } from './cluster-error.ts';
import type { ClusterConnection } from './connection.ts';
import { at, listOf, nameOf, namespaceOf, textOf } from './json-value.ts';
import { listAll } from './list-all.ts';
import { pruneNode } from './prune.ts';
import { readEndpoints, readEndpointSlices, readPods } from './read-endpoints.ts';
import type { EndpointScope } from './read-endpoints.ts';
import { readKubeProxy } from './read-kube-proxy.ts';
import { readPart } from './read-part.ts';
import type { ReadPart } from './read-part.ts';
import { readServices } from './read-services.ts';
import type { ClusterRead } from './read-services.ts';
import { RESOURCES } from './resources.ts';

export type { ClusterRead } from './read-services.ts';

/** What the API server knows of the Services asked about: the `cluster` half of a snapshot. */
export interface ClusterReading {
  readonly cluster: ReadonlyMap<ClusterFile, unknown>;
  /** Of every part that was asked for, also of those that could not be read. */
  readonly parts: readonly ClusterPart[];
  readonly scope: SnapshotScope;
  readonly context: string | null;
  readonly server: string;
  /** The namespace of the connection, which is meant when none is named. */
  readonly namespace: string;
}

/** More names than this cost more than one list of the namespace. */
const FEW_NAMES = 20;

/**
 * Reads what is needed to judge the Services asked about, and no more. Services, nodes, and EndpointSlices or Endpoints must be
 * readable; for the rest a refusal is recorded in its part.
 * @throws ClusterError when one of the former cannot be read, UnknownServiceError for a name that does not exist
 */
export async function readCluster(
  connection: ClusterConnection,
  request: ClusterRead,
  signal?: AbortSignal,
): Promise<ClusterReading> {
  // One failure that ends the reading ends the requests that are still on their way.
  const others = new AbortController();
  const both = signal === undefined ? others.signal : AbortSignal.any([signal, others.signal]);
  try {
    const reading = await readParts(connection, request, both);
    return assemble(connection, request, reading);
  } finally {
    others.abort();
  }
}

async function readParts(
  connection: ClusterConnection,
  request: ClusterRead,
  signal: AbortSignal,
): Promise<ReadPart[]> {
  const services = readServices(connection, request, signal);
  const endpointScope = scopeOfEndpoints(request, services);
  const afterServices = services.then(({ value }) => listOf(at(value, 'items')));
  return Promise.all([
    readPart('version', 'get /version', () => readVersion(connection, signal)),
    services,
    endpointScope.then((scope) => readEndpointSlices(connection, scope, signal)),
    endpointScope.then((scope) => readEndpoints(connection, scope, signal)),
    readPart('nodes', 'list nodes', () =>
      listAll(connection, RESOURCES.nodes, { namespace: null, signal, keep: pruneNode }),
    ),
    afterServices.then((items) => readPods(connection, items, request.namespace, signal)),
    readKubeProxy(connection, signal),
  ]);
}

async function readVersion(connection: ClusterConnection, signal: AbortSignal): Promise<unknown> {
  const version = await connection.get('/version', {}, signal);
  if (textOf(at(version, 'gitVersion')) !== '') return version;
  throw new ClusterError('the answer has no gitVersion', 'kubectl get --raw /version');
}

/** Only a label selector has to wait for the Services: else it is known at once whose endpoints are meant. */
async function scopeOfEndpoints(request: ClusterRead, services: Promise<ReadPart>): Promise<EndpointScope> {
  if (request.names === null && request.selector === null) return endpointsOf(request, []);
  // An unknown name is found out first: its own error is the one to show, and odd names go nowhere else.
  return endpointsOf(request, listOf(at((await services).value, 'items')));
}

/** Whose endpoints are read; `found`: the Services, which matter only where some were chosen by name or label. */
export function endpointsOf({ namespace, names, selector }: ClusterRead, found: readonly unknown[]): EndpointScope {
  if (names === null && selector === null) return { namespace, names: null, only: null };
  const few = namespace !== null && found.length <= FEW_NAMES && found.length > 0;
  return {
    namespace,
    names: few ? found.map(nameOf) : null,
    only: new Set(found.map(idOf)),
  };
}

function idOf(object: unknown): string {
  return `${namespaceOf(object)}/${nameOf(object)}`;
}

function assemble(connection: ClusterConnection, request: ClusterRead, parts: readonly ReadPart[]): ClusterReading {
  requireEssentials(parts);
  const cluster = new Map<ClusterFile, unknown>();
  for (const { part, value } of parts) if (value !== undefined) cluster.set(part.file, value);
  const services = listOf(at(cluster.get('services'), 'items'))
    .map(idOf)
    .sort();
  return {
    cluster,
    parts: parts.map(({ part }) => part),
    scope: {
      namespace: request.namespace,
      services: request.names === null && request.selector === null ? null : services,
      selector: request.selector,
    },
    context: connection.context,
    server: connection.server,
    namespace: connection.namespace,
  };
}

function requireEssentials(parts: readonly ReadPart[]): void {
  const failureOf = (file: ClusterFile): Error | null => parts.find(({ part }) => part.file === file)?.failure ?? null;
  const nodes = failureOf('nodes');
  if (nodes !== null) throw nodes;
  const [slices, endpoints] = [failureOf('endpointslices'), failureOf('endpoints')];
  if (slices !== null && endpoints !== null) throw slices;
}
