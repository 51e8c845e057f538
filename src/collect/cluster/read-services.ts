import { ClusterError, UnknownServiceError } from './cluster-error.ts';
import type { ClusterConnection } from './connection.ts';
import { nameOf, namespaceOf } from './json-value.ts';
import { getOne, listAll } from './list-all.ts';
import { didYouMean, nearNames } from './near-names.ts';
import { pruneObject } from './prune.ts';
import { partOf, listOfObjects } from './read-part.ts';
import type { ReadPart } from './read-part.ts';
import { isDnsLabel, RESOURCES } from './resources.ts';

/** What of the cluster is asked about. */
export interface ClusterRead {
  /** null: all namespaces. */
  readonly namespace: string | null;
  /** Names of Services; null: all of them. Needs a namespace. */
  readonly names: readonly string[] | null;
  /** Label selector for Services. */
  readonly selector: string | null;
}

/**
 * The Services asked about.
 * @throws UnknownServiceError when a named one does not exist, ClusterError when the namespace does not or they cannot be read
 */
export async function readServices(
  connection: ClusterConnection,
  request: ClusterRead,
  signal: AbortSignal | undefined,
): Promise<ReadPart> {
  const { namespace, names, selector } = request;
  if (names !== null) return readNamed(connection, namespaceFor(request), names, signal);
  if (namespace !== null && !isDnsLabel(namespace)) throw await unknownNamespace(connection, namespace, signal);
  const list = await listAll(connection, RESOURCES.services, {
    namespace,
    labelSelector: selector ?? undefined,
    signal,
    keep: pruneObject,
  });
  if (list.items.length === 0 && namespace !== null) await requireNamespace(connection, namespace, signal);
  return partOf('services', list);
}

function namespaceFor({ namespace }: ClusterRead): string {
  if (namespace !== null) return namespace;
  throw new ClusterError(
    'a resource cannot be retrieved by name across all namespaces',
    'Name the namespace: -n NAMESPACE',
  );
}

async function readNamed(
  connection: ClusterConnection,
  namespace: string,
  names: readonly string[],
  signal: AbortSignal | undefined,
): Promise<ReadPart> {
  if (!isDnsLabel(namespace)) throw await unknownNamespace(connection, namespace, signal);
  const wanted = [...new Set(names)].sort();
  const found = await Promise.all(wanted.map((name) => getIfThere(connection, namespace, name, signal)));
  const missing = wanted.filter((_, index) => found[index] === null);
  if (missing.length > 0) {
    await requireNamespace(connection, namespace, signal);
    throw await unknownService(connection, namespace, missing, signal);
  }
  return partOf('services', listOfObjects(found.map(pruneObject)));
}

async function getIfThere(
  connection: ClusterConnection,
  namespace: string,
  name: string,
  signal: AbortSignal | undefined,
): Promise<unknown> {
  if (!isDnsLabel(name)) return null;
  return orNull(getOne(connection, RESOURCES.services, namespace, name, signal));
}

/** null for an object that does not exist. */
export async function orNull(reading: Promise<unknown>): Promise<unknown> {
  try {
    return await reading;
  } catch (error) {
    if (error instanceof ClusterError && error.status === 404 && error.reason === 'NotFound') return null;
    throw error;
  }
}

/** Without the right to look at namespaces it counts as there: the answer about its contents stands. */
async function requireNamespace(
  connection: ClusterConnection,
  namespace: string,
  signal: AbortSignal | undefined,
): Promise<void> {
  let found: unknown;
  try {
    found = await orNull(getOne(connection, RESOURCES.namespaces, null, namespace, signal));
  } catch (error) {
    if (error instanceof ClusterError) return;
    throw error;
  }
  if (found === null) throw await unknownNamespace(connection, namespace, signal);
}

async function unknownNamespace(
  connection: ClusterConnection,
  namespace: string,
  signal: AbortSignal | undefined,
): Promise<ClusterError> {
  const known = await hints(listAll(connection, RESOURCES.namespaces, { namespace: null, signal }));
  const message = `namespaces "${namespace}" not found${didYouMean(namespace, known.map(nameOf))}`;
  return new ClusterError(message, 'kubectl get namespaces', { status: 404, reason: 'NotFound' });
}

async function unknownService(
  connection: ClusterConnection,
  namespace: string,
  missing: readonly string[],
  signal: AbortSignal | undefined,
): Promise<UnknownServiceError> {
  const existing = missing.filter(isDnsLabel);
  const [here, ...elsewhere] = await Promise.all([
    hints(listAll(connection, RESOURCES.services, { namespace, signal, keep: headOf })),
    ...existing.map((name) =>
      hints(
        listAll(connection, RESOURCES.services, {
          namespace: null,
          fieldSelector: `metadata.name=${name}`,
          signal,
          keep: headOf,
        }),
      ),
    ),
  ]);
  const names = here.map(nameOf);
  const near = [...new Set(missing.flatMap((name) => nearNames(name, names)))];
  const namespaces = [...new Set(elsewhere.flat().map(namespaceOf))].filter((name) => name !== namespace).sort();
  return new UnknownServiceError(namespace, missing, near, namespaces);
}

function headOf(service: unknown): unknown {
  return { metadata: { name: nameOf(service), namespace: namespaceOf(service) } };
}

/** What only makes an error message better must not replace it by another. */
async function hints(listing: Promise<{ readonly items: readonly unknown[] }>): Promise<readonly unknown[]> {
  try {
    return (await listing).items;
  } catch (error) {
    if (error instanceof ClusterError) return [];
    throw error;
  }
}
