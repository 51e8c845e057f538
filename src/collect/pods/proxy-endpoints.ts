import type { CommandRecord, NodeFile } from '../../model/snapshot.ts';
import { ClusterError } from '../cluster/cluster-error.ts';
import type { ClusterConnection } from '../cluster/connection.ts';
import { oneLine } from '../cluster/answer.ts';
import { getOver } from './http-over.ts';
import { openPortForward } from './port-forward.ts';

/** What a node's kube-proxy says of itself over HTTP, and how it was asked. */
export interface ProxyReading {
  readonly files: ReadonlyMap<NodeFile, string>;
  /** `GET http://127.0.0.1:10249/proxyMode`; code 0 where there was an answer, null where there was none. */
  readonly commands: readonly CommandRecord[];
  /** The API server does not let this user do it: there is no use in asking on other nodes. */
  readonly forbidden: boolean;
}

export interface ProxyReadOptions {
  readonly signal: AbortSignal;
  /** Milliseconds of a clock that only goes forward. */
  readonly now: () => number;
  /** Milliseconds for each answer; default 5 s. */
  readonly timeoutMs?: number;
}

interface Endpoint {
  readonly file: NodeFile;
  /** kube-proxy's defaults: `metricsBindAddress` 127.0.0.1:10249, `healthzBindAddress` 0.0.0.0:10256. */
  readonly port: 10_249 | 10_256;
  readonly path: string;
  /** What is kept of an answer; null: it is none of kube-proxy's. */
  readonly keep: (status: number, body: string) => string | null;
}

const ok = (status: number, body: string): string | null => (status === 200 ? body : null);

/** Of health the status is half of the answer: 503 is an answer too. */
const ENDPOINTS: readonly Endpoint[] = [
  { file: 'kube-proxy-proxyMode.txt', port: 10_249, path: '/proxyMode', keep: ok },
  {
    file: 'kube-proxy-metrics.txt',
    port: 10_249,
    path: '/metrics',
    keep: (status, body) => (status === 200 ? trimMetrics(body) : null),
  },
  { file: 'kube-proxy-configz.txt', port: 10_249, path: '/configz', keep: ok },
  {
    file: 'kube-proxy-healthz.txt',
    port: 10_256,
    path: '/healthz',
    keep: (status, body) => (status === 200 || status === 503 ? `HTTP ${status}\n${body}` : null),
  },
];

const TIMEOUT_MS = 5000;

/**
 * Asks a kube-proxy, through a port-forward to its pod, for its mode, health, metrics and configuration. The pod is on the
 * host's network, so that its ports are those of the node. What is not answered is in the records, and costs nothing else.
 * @throws the signal's reason
 */
export async function readProxyEndpoints(
  connection: ClusterConnection,
  pod: { readonly namespace: string; readonly name: string },
  options: ProxyReadOptions,
): Promise<ProxyReading> {
  const answers = await Promise.all(ENDPOINTS.map(async (endpoint) => ask(connection, pod, endpoint, options)));
  const files = answers.flatMap(({ file, text }) => (text === null ? [] : [[file, text] as const]));
  const forbidden = answers.some((answer) => answer.forbidden);
  return { files: new Map(files), commands: answers.map(({ record }) => record), forbidden };
}

interface Answer {
  readonly file: NodeFile;
  readonly text: string | null;
  readonly record: CommandRecord;
  readonly forbidden: boolean;
}

async function ask(
  connection: ClusterConnection,
  pod: { readonly namespace: string; readonly name: string },
  { file, port, path, keep }: Endpoint,
  { signal, now, timeoutMs = TIMEOUT_MS }: ProxyReadOptions,
): Promise<Answer> {
  const startedAt = now();
  const timeout = AbortSignal.timeout(timeoutMs);
  const record = (code: number | null, stderr: string, kept: boolean): CommandRecord => ({
    argv: ['GET', `http://127.0.0.1:${port}${path}`],
    code,
    stderr,
    file: kept ? file : null,
    durationMs: Math.round(now() - startedAt),
  });
  try {
    const both = AbortSignal.any([signal, timeout]);
    const stream = await openPortForward(connection, { namespace: pod.namespace, pod: pod.name, port }, both);
    const { status, body } = await getOver(stream, path, both);
    const text = keep(status, body);
    const said = text === null ? `status ${status}` : '';
    return { file, text, record: record(0, said, text !== null), forbidden: false };
  } catch (error) {
    signal.throwIfAborted();
    const forbidden = error instanceof ClusterError && (error.status === 403 || error.status === 401);
    const words = timeout.aborted ? `no answer within ${timeoutMs / 1000} s` : wordsOf(error);
    return { file, text: null, record: record(null, words, false), forbidden };
  }
}

function wordsOf(error: unknown): string {
  return oneLine(error instanceof Error ? error.message : String(error));
}

/** Families of metrics that say something of kube-proxy's work: a thousand others are about Go, HTTP and caches. */
const KEPT =
  /^(?:# (?:HELP|TYPE) )?(?:kubeproxy_|kubernetes_build_info|process_start_time_seconds|process_cpu_seconds_total)/;

/** Histograms of durations are for graphs. */
const BUCKET = /^[a-z_]+_bucket\{/;

function trimMetrics(text: string): string {
  const lines = text.split('\n').filter((line) => KEPT.test(line) && !BUCKET.test(line));
  return lines.length === 0 ? '' : `${lines.join('\n')}\n`;
}
