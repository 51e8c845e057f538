import { type ClusterConnection, ClusterError, listAll, RESOURCES } from '../cluster/index.ts';
import { nameOf, namespaceOf } from '../cluster/json-value.ts';
import { DebugPodApi, type PodName } from './debug-pod-api.ts';
import { MANAGED_BY } from './debug-manifest.ts';

/** What became of the pods earlier runs left behind. */
export interface CleanedUp {
  readonly removed: readonly PodName[];
  readonly failed: readonly { readonly pod: PodName; readonly error: ClusterError }[];
  /** null: all namespaces. */
  readonly namespace: string | null;
}

/**
 * Removes every pod this program ever made, also those of runs that are going on: in all namespaces, or in one where the user may
 * not list those of all.
 * @throws ClusterError when they cannot be listed
 */
export async function cleanUp(
  connection: ClusterConnection,
  namespace: string,
  signal: AbortSignal,
): Promise<CleanedUp> {
  const { pods, scope } = await findPods(connection, namespace, signal);
  const removed: PodName[] = [];
  const failed: { pod: PodName; error: ClusterError }[] = [];
  for (const pod of pods) {
    try {
      await new DebugPodApi(connection, pod.namespace).remove(pod);
      removed.push(pod);
    } catch (error) {
      if (!(error instanceof ClusterError)) throw error;
      failed.push({ pod, error });
    }
  }
  return { removed, failed, namespace: scope };
}

async function findPods(
  connection: ClusterConnection,
  namespace: string,
  signal: AbortSignal,
): Promise<{ readonly pods: readonly PodName[]; readonly scope: string | null }> {
  const list = async (scope: string | null): Promise<readonly PodName[]> => {
    const labelSelector = `${MANAGED_BY.key}=${MANAGED_BY.value}`;
    const { items } = await listAll(connection, RESOURCES.pods, { namespace: scope, labelSelector, signal });
    return items.map((pod) => ({ namespace: namespaceOf(pod), name: nameOf(pod) }));
  };
  try {
    return { pods: await list(null), scope: null };
  } catch (error) {
    if (!(error instanceof ClusterError) || error.status !== 403) throw error;
    return { pods: await list(namespace), scope: namespace };
  }
}
