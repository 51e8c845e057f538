import { connectFor, type EvidenceFlags } from './evidence.ts';
import { debugNamespaceOf } from './ways.ts';

/** What was done, and what could not be, a line each. */
export interface CleanUpWords {
  readonly lines: readonly string[];
  readonly problems: readonly string[];
}

/** Removes the pods earlier runs left behind. @throws ClusterError when they cannot be listed */
export async function cleanUpCluster(flags: EvidenceFlags, signal: AbortSignal): Promise<CleanUpWords> {
  const { cleanUp } = await import('../collect/pods/clean-up.ts');
  const { removalOf } = await import('../collect/pods/debug-pod-way.ts');
  const connection = await connectFor(flags);
  try {
    const { removed, failed, namespace } = await cleanUp(connection, debugNamespaceOf(flags), signal);
    const where =
      namespace === null ? 'in any namespace' : `in namespace ${namespace}, the only one that was looked at`;
    return {
      lines:
        removed.length === 0 && failed.length === 0
          ? [`no pod of kubectl-svcdoctor ${where}`]
          : removed.map((pod) => `removed pod ${pod.namespace}/${pod.name}`),
      problems: failed.map(
        ({ pod, error }) =>
          `pod ${pod.namespace}/${pod.name} could not be removed: ${error.message}. ${removalOf(pod)}`,
      ),
    };
  } finally {
    await connection.close();
  }
}
