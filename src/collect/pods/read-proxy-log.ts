import { errorLinesOf } from '../../model/proxy-log.ts';
import { parseProxyHealth } from '../../model/proxy-health.ts';
import { failuresIn, parseProxyMetrics } from '../../model/proxy-metrics.ts';
import type { ProxyPod } from '../../model/proxy-pod.ts';
import type { CommandRecord, NodeFile } from '../../model/snapshot.ts';
import { oneLine } from '../cluster/answer.ts';
import { ClusterError } from '../cluster/cluster-error.ts';
import type { ClusterConnection } from '../cluster/connection.ts';
import { pathOf, RESOURCES } from '../cluster/resources.ts';

/** What a kube-proxy logs of its failures; text null: nothing was had. */
export interface LogReading {
  readonly text: string | null;
  readonly record: CommandRecord;
  /** The API server does not let this user do it: there is no use in asking for others. */
  readonly forbidden: boolean;
}

/** Lines at the end of a log. A kube-proxy that fails tries again each half minute, and says a few lines each time. */
const TAIL = 300;

/** Nobody looks for a reason in the log of a kube-proxy that does its work. `files`: what it says of itself. */
export function isInTrouble(pod: ProxyPod, files: ReadonlyMap<NodeFile, string>): boolean {
  if (pod.isDeleting) return false;
  const health = parseProxyHealth(files.get('kube-proxy-healthz.txt') ?? '');
  const metrics = parseProxyMetrics(files.get('kube-proxy-metrics.txt') ?? '');
  return !pod.isReady || (health !== null && health.status !== 200) || (metrics !== null && failuresIn(metrics) > 0);
}

/**
 * Reads the end of a kube-proxy's log, which is that of the last container where none runs, and keeps the errors in it: the
 * rest tells how the cluster is set up, and helps nobody. What cannot be had is in the record.
 * @throws the signal's reason
 */
export async function readProxyLog(
  connection: ClusterConnection,
  pod: ProxyPod,
  signal: AbortSignal,
): Promise<LogReading> {
  const startedAt = performance.now();
  const path = `${pathOf(RESOURCES.pods, pod.namespace, pod.name)}/log`;
  const query = { container: pod.container, tailLines: String(TAIL), timestamps: 'true' };
  const record = (code: number | null, stderr: string): CommandRecord => ({
    argv: ['GET', path],
    code,
    stderr,
    file: code === 0 ? 'kube-proxy-log.txt' : null,
    durationMs: Math.round(performance.now() - startedAt),
  });
  try {
    const text = errorLinesOf(await connection.getText(path, query, signal));
    return { text, record: record(0, ''), forbidden: false };
  } catch (error) {
    signal.throwIfAborted();
    if (!(error instanceof ClusterError)) throw error;
    return { text: null, record: record(null, oneLine(error.message)), forbidden: error.status === 403 };
  }
}
