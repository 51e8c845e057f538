import { objectVersions, ruleSources, type ObjectVersion } from '../../model/object-version.ts';
import type { ClusterFile, ObjectChange, RecentChange, RuleSource, SecondReading } from '../../model/snapshot.ts';
import { ClusterError } from './cluster-error.ts';
import type { ClusterConnection } from './connection.ts';
import { at, listOf } from './json-value.ts';
import { getOne, listAll } from './list-all.ts';
import { endpointsOf } from './read-cluster.ts';
import { readEndpoints, readEndpointSlices } from './read-endpoints.ts';
import { listOfObjects, readPart, type ReadPart } from './read-part.ts';
import { orNull, type ClusterRead } from './read-services.ts';
import { RESOURCES } from './resources.ts';

/**
 * Asks the API server again which versions the objects have that rules are made of: what changed since they were read may be
 * on its way to the nodes. Only metadata is sent. A refusal is recorded, never thrown.
 */
export async function readAgain(
  connection: ClusterConnection,
  request: ClusterRead,
  cluster: ReadonlyMap<ClusterFile, unknown>,
  signal: AbortSignal,
): Promise<SecondReading> {
  try {
    const sources = await Promise.all(
      ruleSources(cluster).map(async (file) => {
        const { value, failure } = await readVersions(connection, request, cluster, file, signal);
        if (failure !== null) throw failure;
        return { before: objectVersions(file, cluster.get(file)), after: objectVersions(file, value) };
      }),
    );
    const readAt = new Date();
    return {
      readAt: readAt.toISOString(),
      error: null,
      changed: sources.flatMap(({ before, after }) => changesBetween(before, after)),
      recent: recentOf(
        sources.flatMap(({ after }) => after),
        readAt.getTime(),
      ),
    };
  } catch (error) {
    if (!(error instanceof ClusterError)) throw error;
    return { readAt: new Date().toISOString(), error: error.message, changed: [], recent: [] };
  }
}

/** Milliseconds in which a change is recent enough to be told. */
const RECENT = 60_000;

function recentOf(objects: readonly ObjectVersion[], now: number): readonly RecentChange[] {
  const newest = new Map<string, string>();
  for (const { service, writtenAt } of objects) {
    if (writtenAt === null || Date.parse(writtenAt) < now - RECENT) continue;
    if (writtenAt > (newest.get(service) ?? '')) newest.set(service, writtenAt);
  }
  return [...newest].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([service, at]) => ({ service, at }));
}

async function readVersions(
  connection: ClusterConnection,
  request: ClusterRead,
  cluster: ReadonlyMap<ClusterFile, unknown>,
  file: RuleSource,
  signal: AbortSignal,
): Promise<ReadPart> {
  const scope = endpointsOf(request, listOf(at(cluster.get('services'), 'items')));
  switch (file) {
    case 'services':
      return readPart(file, 'read services again', async () => readServiceVersions(connection, request, signal));
    case 'endpointslices':
      return readEndpointSlices(connection, scope, signal, true);
    case 'endpoints':
      return readEndpoints(connection, scope, signal, true);
  }
}

async function readServiceVersions(
  connection: ClusterConnection,
  { namespace, names, selector }: ClusterRead,
  signal: AbortSignal,
): Promise<unknown> {
  if (names === null) {
    const labelSelector = selector ?? undefined;
    return listAll(connection, RESOURCES.services, { namespace, labelSelector, signal, metadataOnly: true });
  }
  if (namespace === null) throw new ClusterError('Services are named in one namespace only', '');
  const found = await Promise.all(
    [...new Set(names)].map(async (name) =>
      orNull(getOne(connection, RESOURCES.services, namespace, name, signal, true)),
    ),
  );
  return listOfObjects(found.filter((service) => service !== null));
}

function changesBetween(before: readonly ObjectVersion[], after: readonly ObjectVersion[]): readonly ObjectChange[] {
  const now = new Map(after.map((object) => [keyOf(object), object]));
  const then = new Map(before.map((object) => [keyOf(object), object]));
  return [...new Set([...then.keys(), ...now.keys()])].toSorted().flatMap((key): readonly ObjectChange[] => {
    const [old, fresh] = [then.get(key), now.get(key)];
    const object = fresh ?? old;
    if (object === undefined || old?.resourceVersion === fresh?.resourceVersion) return [];
    const { file, namespace, name, service } = object;
    return [
      { file, namespace, name, service, before: old?.resourceVersion ?? null, after: fresh?.resourceVersion ?? null },
    ];
  });
}

function keyOf({ namespace, name }: ObjectVersion): string {
  return `${namespace}/${name}`;
}
