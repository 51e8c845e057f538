import type { ClusterConnection } from './connection.ts';
import { at, nameOf, namespaceOf, recordOf, textOf } from './json-value.ts';
import { getOne, listAll } from './list-all.ts';
import { pruneObject, prunePod } from './prune.ts';
import { listOfObjects, readPart } from './read-part.ts';
import type { ReadPart } from './read-part.ts';
import { orNull } from './read-services.ts';
import { apiVersionOf, RESOURCES } from './resources.ts';
import type { Resource } from './resources.ts';

/**
 * Which Services' endpoints are read. `names` are those of one namespace, few enough to be asked for by name; null: read
 * the whole namespace, or all of them, and keep what belongs to `only`.
 */
export interface EndpointScope {
  readonly namespace: string | null;
  readonly names: readonly string[] | null;
  /** `namespace/name`; null: keep all. */
  readonly only: ReadonlySet<string> | null;
}

const SERVICE_NAME = 'kubernetes.io/service-name';

/** The EndpointSlices of the Services. A server older than 1.21 has none of this version: that is the part's error. */
export function readEndpointSlices(
  connection: ClusterConnection,
  scope: EndpointScope,
  signal: AbortSignal | undefined,
  metadataOnly = false,
): Promise<ReadPart> {
  const labelSelector = scope.names === null ? undefined : `${SERVICE_NAME} in (${scope.names.join(',')})`;
  return readPart('endpointslices', words('list endpointslices.discovery.k8s.io', scope), async () => {
    const list = await listAll(connection, RESOURCES.endpointSlices, {
      namespace: scope.namespace,
      labelSelector,
      signal,
      metadataOnly,
      keep: keeping(metadataOnly),
    });
    return kept(list, scope, (slice) => textOf(at(slice, 'metadata', 'labels', SERVICE_NAME)));
  });
}

/** The Endpoints of the Services. A Service may have none: then there is no object. */
export function readEndpoints(
  connection: ClusterConnection,
  scope: EndpointScope,
  signal: AbortSignal | undefined,
  metadataOnly = false,
): Promise<ReadPart> {
  const { namespace, names } = scope;
  return readPart('endpoints', words(names === null ? 'list endpoints' : 'get endpoints', scope), async () => {
    if (names !== null) {
      const found = await Promise.all(
        names.map((name) => orNull(getOne(connection, RESOURCES.endpoints, namespace, name, signal, metadataOnly))),
      );
      return listOfObjects(found.filter((object) => object !== null).map(keeping(metadataOnly)));
    }
    const list = await listAll(connection, RESOURCES.endpoints, {
      namespace,
      signal,
      metadataOnly,
      keep: keeping(metadataOnly),
    });
    return kept(list, scope, nameOf);
  });
}

/** Metadata is read to see what changed and when, and is not kept: what a snapshot leaves out stays. */
function keeping(metadataOnly: boolean): (object: unknown) => unknown {
  return metadataOnly ? (object) => object : pruneObject;
}

function kept<T extends { readonly items: readonly unknown[] }>(
  list: T,
  scope: EndpointScope,
  owner: (item: unknown) => string,
): T {
  const { only } = scope;
  if (only === null) return list;
  return { ...list, items: list.items.filter((item) => only.has(`${namespaceOf(item)}/${owner(item)}`)) };
}

function words(what: string, { namespace }: EndpointScope): string {
  return namespace === null ? `${what} in all namespaces` : `${what} in namespace "${namespace}"`;
}

/** More selectors than this cost more than one list of the namespace. */
const FEW_SELECTORS = 20;

/** The pods behind the Services; of Services without a selector there are none to know. */
export async function readPods(
  connection: ClusterConnection,
  services: readonly unknown[],
  namespace: string | null,
  signal: AbortSignal | undefined,
): Promise<ReadPart> {
  const selectors = selectorsOf(services);
  const where = namespace === null ? 'in all namespaces' : `in namespace "${namespace}"`;
  return readPart('pods', `list pods ${where}`, async () => {
    if (selectors.length === 0) return listOfObjects([]);
    const whole = [{ namespace, labelSelector: undefined }];
    const scopes = selectors.length > FEW_SELECTORS ? whole : selectors;
    const lists = await Promise.all(
      scopes.map((scope) => listAll(connection, RESOURCES.pods, { ...scope, signal, keep: prunePod })),
    );
    const [only] = lists;
    if (only !== undefined && lists.length === 1) return only;
    const pods = new Map(lists.flatMap((list) => list.items).map((pod) => [`${namespaceOf(pod)}/${nameOf(pod)}`, pod]));
    return listOfObjects([...pods.values()].map((pod) => typed(RESOURCES.pods, pod)));
  });
}

function selectorsOf(services: readonly unknown[]): { namespace: string; labelSelector: string }[] {
  const found = new Map<string, { namespace: string; labelSelector: string }>();
  for (const service of services) {
    const selector = Object.entries(recordOf(at(service, 'spec', 'selector')));
    if (selector.length === 0 || textOf(at(service, 'spec', 'type')) === 'ExternalName') continue;
    const labelSelector = selector.map(([key, value]) => `${key}=${textOf(value)}`).join(',');
    const namespace = namespaceOf(service);
    found.set(`${namespace}/${labelSelector}`, { namespace, labelSelector });
  }
  return [...found.values()];
}

/** Items of a typed list do not say what they are; in a mixed or hand-made List they must. */
export function typed(resource: Resource, object: unknown): unknown {
  return typeof object === 'object' && object !== null
    ? { apiVersion: apiVersionOf(resource), kind: resource.kind, ...object }
    : object;
}
