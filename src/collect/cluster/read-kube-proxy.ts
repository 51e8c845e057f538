import { ClusterError } from './cluster-error.ts';
import type { ClusterConnection } from './connection.ts';
import { at, isRecord, listOf, nameOf, recordOf, textOf } from './json-value.ts';
import { getOne, listAll } from './list-all.ts';
import { pruneConfigMap, pruneDaemonSet, pruneKubeProxyPod } from './prune.ts';
import { typed } from './read-endpoints.ts';
import { listOfObjects, partOf, tolerable } from './read-part.ts';
import type { ReadPart } from './read-part.ts';
import { orNull } from './read-services.ts';
import { RESOURCES } from './resources.ts';

const NAMESPACE = 'kube-system';

/** kubeadm and most others; the static pods of GCE and RKE2. */
const POD_LABELS = ['k8s-app=kube-proxy', 'component=kube-proxy'];

/**
 * kube-proxy's ConfigMap, DaemonSet and pods, as one List. What does not exist is not in it; what may not be read is named
 * in the part's error, and the rest is there all the same.
 */
export async function readKubeProxy(connection: ClusterConnection, signal: AbortSignal | undefined): Promise<ReadPart> {
  const failures: ClusterError[] = [];
  const attempt = async (what: string, read: () => Promise<readonly unknown[]>): Promise<readonly unknown[]> => {
    try {
      return await read();
    } catch (error) {
      failures.push(tolerable(error, `${what} in namespace "${NAMESPACE}"`));
      return [];
    }
  };
  const [configMaps, daemonSets, pods] = await Promise.all([
    attempt('get configmaps/kube-proxy', () => readConfigMaps(connection, signal)),
    attempt('get daemonsets.apps/kube-proxy', () => readDaemonSet(connection, signal)),
    attempt('list pods', () => readProxyPods(connection, signal)),
  ]);
  const items = [...configMaps, ...daemonSets, ...pods];
  const [first] = failures;
  if (first === undefined) return partOf('kube-proxy', listOfObjects(items));
  const message = failures.map((failure) => failure.message).join('; ');
  const failure = new ClusterError(message, first.suggestion, { cause: first });
  return partOf('kube-proxy', items.length > 0 ? listOfObjects(items) : undefined, failure);
}

/** EKS keeps the settings in `kube-proxy-config`, beside a `kube-proxy` that holds a kubeconfig only. */
async function readConfigMaps(
  connection: ClusterConnection,
  signal: AbortSignal | undefined,
): Promise<readonly unknown[]> {
  const read = async (name: string): Promise<unknown[]> => {
    const configMap = await orNull(getOne(connection, RESOURCES.configMaps, NAMESPACE, name, signal));
    return configMap === null ? [] : [pruneConfigMap(configMap)];
  };
  const usual = await read('kube-proxy');
  if (usual.some((configMap) => Object.keys(recordOf(at(configMap, 'data'))).length > 0)) return usual;
  return [...usual, ...(await read('kube-proxy-config'))];
}

async function readDaemonSet(
  connection: ClusterConnection,
  signal: AbortSignal | undefined,
): Promise<readonly unknown[]> {
  const daemonSet = await orNull(getOne(connection, RESOURCES.daemonSets, NAMESPACE, 'kube-proxy', signal));
  return daemonSet === null ? [] : [pruneDaemonSet(daemonSet)];
}

async function readProxyPods(
  connection: ClusterConnection,
  signal: AbortSignal | undefined,
): Promise<readonly unknown[]> {
  const list = async (labelSelector?: string): Promise<readonly unknown[]> => {
    const found = await listAll(connection, RESOURCES.pods, {
      namespace: NAMESPACE,
      labelSelector,
      signal,
      keep: proxyOrNothing,
    });
    return found.items.filter((pod) => pod !== null);
  };
  const labelled = (await Promise.all(POD_LABELS.map(list))).flat();
  const pods = labelled.length > 0 ? labelled : await list();
  const byName = new Map(pods.map((pod) => [nameOf(pod), typed(RESOURCES.pods, pod)]));
  return [...byName.keys()].sort().map((name) => byName.get(name));
}

/** Pods are known by what they run, or by the DaemonSet they belong to; labels alone may be anybody's. */
function proxyOrNothing(pod: unknown): unknown {
  return proxyContainerOf(pod) !== null || isOwnedByProxy(pod) ? pruneKubeProxyPod(pod) : null;
}

function isOwnedByProxy(pod: unknown): boolean {
  return listOf(at(pod, 'metadata', 'ownerReferences')).some(
    (owner) => at(owner, 'kind') === 'DaemonSet' && textOf(at(owner, 'name')).startsWith('kube-proxy'),
  );
}

/** Name of the container of a pod that is kube-proxy, by its name or its image; null: none is. */
export function proxyContainerOf(pod: unknown): string | null {
  const container = listOf(at(pod, 'spec', 'containers')).find((container) => {
    if (!isRecord(container)) return false;
    return container['name'] === 'kube-proxy' || /(^|\/)[^/]*kube-proxy[^/]*$/.test(textOf(container['image']));
  });
  return container === undefined ? null : textOf(at(container, 'name'));
}
