import pLimit from 'p-limit';
import { type ProxyPod, parseProxyPods } from '../../model/proxy-pod.ts';
import type { ClusterConnection, ClusterReading } from '../cluster/index.ts';
import type { NodeRead } from '../read-nodes.ts';
import { NodeReadError } from '../transport.ts';
import type { NodeTarget } from '../way.ts';
import type { ExecTarget } from './exec.ts';
import { KubeProxyPods } from './kube-proxy-pods.ts';
import { type ProxyReading, readProxyEndpoints } from './proxy-endpoints.ts';
import { isInTrouble, readProxyLog } from './read-proxy-log.ts';

export interface ProxiesOptions {
  readonly signal: AbortSignal;
  /** Nodes whose kube-proxy is asked at the same time. */
  readonly concurrency: number;
}

/**
 * What each node's kube-proxy says of itself, by node; of nodes without a kube-proxy pod nothing. Once port-forwards are
 * forbidden nobody else is asked, and all have that in their records.
 * @throws the signal's reason
 */
export async function readProxies(
  connection: ClusterConnection,
  reading: ClusterReading,
  nodes: readonly NodeTarget[],
  { signal, concurrency }: ProxiesOptions,
): Promise<ReadonlyMap<string, ProxyReading>> {
  const pods = new KubeProxyPods(reading);
  const limit = pLimit(concurrency);
  let refused: ProxyReading | null = null;
  const ask = async ({ namespace, pod }: ExecTarget): Promise<ProxyReading> => {
    if (refused !== null) return refused;
    const answer = await readProxyEndpoints(
      connection,
      { namespace, name: pod },
      { signal, now: () => performance.now() },
    );
    if (answer.forbidden) refused = answer;
    return answer;
  };
  const readings = await Promise.all(
    nodes.map(async (node) => {
      const target = targetOn(node, pods);
      return target === null ? [] : [[node.name, await limit(async () => ask(target))] as const];
    }),
  );
  // Those that were asked at the same time say the same of another pod.
  const proxies = new Map(
    readings.flat().map(([node, answer]) => [node, answer.forbidden ? (refused ?? answer) : answer]),
  );
  const logs = await readLogs(connection, reading, nodes, { proxies, signal });
  return new Map([...proxies, ...logs]);
}

/** Logs that are read in one run: where more kube-proxies are in trouble, they share the reason. */
const MOST_LOGS = 20;

/** Of the nodes whose kube-proxy is in trouble, what is known of it, with what its log says. */
async function readLogs(
  connection: ClusterConnection,
  { cluster }: ClusterReading,
  nodes: readonly NodeTarget[],
  { proxies, signal }: { readonly proxies: ReadonlyMap<string, ProxyReading>; readonly signal: AbortSignal },
): Promise<ReadonlyMap<string, ProxyReading>> {
  const pods = parseProxyPods(cluster.get('kube-proxy')) ?? new Map<string, readonly ProxyPod[]>();
  const troubled = nodes.flatMap(({ name }) => {
    const known = proxies.get(name) ?? NOTHING;
    const pod = (pods.get(name) ?? []).find((one) => isInTrouble(one, known.files));
    return pod === undefined ? [] : [{ name, known, pod }];
  });
  const read = new Map<string, ProxyReading>();
  for (const { name, known, pod } of troubled.slice(0, MOST_LOGS)) {
    const { text, record, forbidden } = await readProxyLog(connection, pod, signal);
    const files = text === null ? known.files : new Map([...known.files, ['kube-proxy-log.txt', text] as const]);
    read.set(name, { ...known, files, commands: [...known.commands, record] });
    if (forbidden) break;
  }
  return read;
}

const NOTHING: ProxyReading = { files: new Map(), commands: [], forbidden: false };

function targetOn(node: NodeTarget, pods: KubeProxyPods): ExecTarget | null {
  try {
    return pods.targetOn(node);
  } catch (error) {
    if (error instanceof NodeReadError) return null;
    throw error;
  }
}

/** The node with what its kube-proxy says of itself; what the node itself was read to say comes first. */
export function withProxy(read: NodeRead, proxy: ProxyReading | undefined): NodeRead {
  if (proxy === undefined) return read;
  const { evidence, manifest } = read;
  return {
    evidence: { ...evidence, files: new Map([...proxy.files, ...evidence.files]) },
    manifest: { ...manifest, commands: [...manifest.commands, ...proxy.commands] },
  };
}
