import { oneLine } from './answer.ts';
import { ClusterError } from './cluster-error.ts';
import type { ClusterConnection } from './connection.ts';
import { at, isRecord, listOf, textOf } from './json-value.ts';
import type { Resource } from './resources.ts';
import { pathOf } from './resources.ts';

/** A v1 list as the server answers it, its pages put together. */
export interface RawList {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly resourceVersion: string };
  readonly items: readonly unknown[];
}

export interface ListOptions {
  /** null: of all namespaces, or not namespaced. */
  readonly namespace: string | null;
  readonly labelSelector?: string | undefined;
  readonly fieldSelector?: string | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Only names, labels and versions are sent (server 1.15 and later; an older one sends all). */
  readonly metadataOnly?: boolean | undefined;
  /** Applied to each item as its page arrives, so that what is not kept is never held. */
  readonly keep?: (item: unknown) => unknown;
}

const PAGE = '500';

const METADATA = 'application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io,application/json';
const METADATA_LIST = 'application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io,application/json';

/**
 * Lists all objects in pages. When the server has forgotten the list between two pages (410 Expired), everything is read
 * again in one piece, as client-go's pager does: the rest of another list would not fit the first pages.
 * @throws ClusterError as {@link ClusterConnection.get}, and when the answer is not a list of this kind
 */
export async function listAll(
  connection: ClusterConnection,
  resource: Resource,
  options: ListOptions,
): Promise<RawList> {
  const items: unknown[] = [];
  let token: string | undefined;
  for (;;) {
    let page: RawList & { readonly next: string };
    try {
      page = await readPage(connection, resource, options, { limit: PAGE, continue: token });
    } catch (error) {
      if (token === undefined || !isExpired(error)) throw error;
      const { next: _, ...whole } = await readPage(connection, resource, options, {});
      return whole;
    }
    items.push(...page.items);
    const { next, ...list } = page;
    if (next === '') return { ...list, items };
    token = next;
  }
}

function isExpired(error: unknown): boolean {
  return error instanceof ClusterError && error.status === 410;
}

async function readPage(
  connection: ClusterConnection,
  resource: Resource,
  options: ListOptions,
  page: { readonly limit?: string; readonly continue?: string | undefined },
): Promise<RawList & { readonly next: string }> {
  const path = pathOf(resource, options.namespace);
  const { labelSelector, fieldSelector, signal, metadataOnly, keep = (item) => item } = options;
  const query = { labelSelector, fieldSelector, ...page };
  const accept = metadataOnly === true ? METADATA_LIST : undefined;
  const body = await connection.send({ method: 'GET', path, query, signal, accept });
  const kind = textOf(at(body, 'kind'));
  const isMetadata = metadataOnly === true && kind === 'PartialObjectMetadataList';
  if (!isRecord(body) || (kind !== `${resource.kind}List` && !isMetadata))
    throw wrongKind(connection, path, kind, `${resource.kind}List`);
  return {
    apiVersion: textOf(body['apiVersion']),
    kind,
    metadata: { resourceVersion: textOf(at(body, 'metadata', 'resourceVersion')) },
    items: listOf(body['items']).map(keep),
    next: textOf(at(body, 'metadata', 'continue')),
  };
}

/**
 * One object by its name.
 * @throws ClusterError with status 404 when it does not exist
 */
export async function getOne(
  connection: ClusterConnection,
  resource: Resource,
  namespace: string | null,
  name: string,
  signal: AbortSignal | undefined,
  metadataOnly = false,
): Promise<unknown> {
  const path = pathOf(resource, namespace, name);
  const accept = metadataOnly ? METADATA : undefined;
  const body = await connection.send({ method: 'GET', path, signal, accept });
  const kind = textOf(at(body, 'kind'));
  const isMetadata = metadataOnly && kind === 'PartialObjectMetadata';
  if (kind !== resource.kind && !isMetadata) throw wrongKind(connection, path, kind, resource.kind);
  return body;
}

function wrongKind(connection: ClusterConnection, path: string, found: string, wanted: string): ClusterError {
  return new ClusterError(
    `${connection.server} answered ${path} with kind "${oneLine(found)}", not "${wanted}"`,
    'Is this the API server? kubectl config view --minify shows the address.',
  );
}
