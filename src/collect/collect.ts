import type { Duplex } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { isObject, itemsOf } from '../model/decode.ts';
import type { ClusterFile, Snapshot } from '../model/snapshot.ts';
import { SNAPSHOT_FORMAT } from '../model/snapshot.ts';
import type { ClusterConnection, ClusterRead, ClusterReading, ReadPart } from './cluster/index.ts';
import { readAgain, readCluster } from './cluster/index.ts';
import { readDns } from './dns/read-dns.ts';
import { openPortForward, type PodPort } from './pods/port-forward.ts';
import { readProxies, withProxy } from './pods/read-proxies.ts';
import { type NodeRead, type NodesRequest, readNodes } from './read-nodes.ts';
import type { NodeTarget, NodeWay } from './way.ts';

/** What a live run looks at. */
export interface LiveRequest extends Pick<NodesRequest, 'nodeTimeoutMs' | 'concurrency'> {
  readonly connection: ClusterConnection;
  readonly read: ClusterRead;
  /** In order of preference, chosen once it is known what the cluster is. */
  readonly ways: (reading: ClusterReading) => readonly NodeWay[];
  /** Only these nodes; null: all. */
  readonly nodes: readonly string[] | null;
  /**
   * Milliseconds between reading the cluster and reading nodes: what changed shortly before has then reached them. 0 where
   * what is found is looked at a second time anyway.
   */
  readonly pauseMs: (cluster: ClusterReading['cluster']) => number;
  readonly signal: AbortSignal;
  readonly toolVersion: string;
  readonly progress: (event: ProgressEvent) => void;
  readonly now: () => Date;
}

/** What is going on, for people who wait. */
export type ProgressEvent =
  { readonly kind: 'cluster' } | { readonly kind: 'nodes'; readonly done: number; readonly all: number };

/**
 * Reads the cluster, then each node, then what of the cluster changed meanwhile. A node that cannot be read costs only
 * itself.
 */
export async function collectLive(request: LiveRequest): Promise<Snapshot> {
  const startedAt = request.now().toISOString();
  request.progress({ kind: 'cluster' });
  const reading = await readCluster(request.connection, request.read, request.signal);
  await sleep(request.pauseMs(reading.cluster), undefined, { signal: request.signal });
  const wanted = nodeObjects(reading.cluster).filter(({ name }) => request.nodes?.includes(name) ?? true);
  const asking = Promise.all([readDnsOf(request, reading), readProxies(request.connection, reading, wanted, request)]);
  // Heard below, when the ways to the nodes are closed, whatever becomes of it before.
  asking.catch(() => undefined);
  const readings = await readWanted(request, reading, wanted);
  const [dns, proxies] = await asking;
  const nodes = readings.map((node) => withProxy(node, proxies.get(node.manifest.name)));
  const again = await readAgain(request.connection, request.read, reading.cluster, request.signal);
  return {
    manifest: {
      formatVersion: SNAPSHOT_FORMAT,
      tool: 'kubectl-svcdoctor',
      toolVersion: request.toolVersion,
      startedAt,
      finishedAt: request.now().toISOString(),
      context: reading.context,
      server: reading.server,
      scope: reading.scope,
      parts: [...reading.parts, dns.part],
      again,
      nodes: nodes.map((node) => node.manifest),
    },
    cluster: dns.value === undefined ? reading.cluster : new Map([...reading.cluster, ['dns', dns.value]]),
    nodes: nodes.map((node) => node.evidence),
  };
}

async function readDnsOf({ connection, signal, now }: LiveRequest, { cluster }: ClusterReading): Promise<ReadPart> {
  const services = itemsOf('services', cluster.get('services'));
  const open = async (server: PodPort, until: AbortSignal): Promise<Duplex> =>
    openPortForward(connection, server, until);
  return readDns({ connection, services, open, signal, now });
}

async function readWanted(
  request: LiveRequest,
  reading: ClusterReading,
  wanted: readonly NodeTarget[],
): Promise<readonly NodeRead[]> {
  const { nodeTimeoutMs, concurrency, signal, now } = request;
  const done = (count: number): void => request.progress({ kind: 'nodes', done: count, all: wanted.length });
  done(0);
  const ways = request.ways(reading);
  try {
    return await readNodes({ ways, nodeTimeoutMs, concurrency, signal, done, now }, wanted);
  } finally {
    await Promise.all(ways.map(async (way) => way.close()));
  }
}

function nodeObjects(cluster: ReadonlyMap<ClusterFile, unknown>): readonly NodeTarget[] {
  const items = itemsOf('nodes', cluster.get('nodes'));
  const named = items.flatMap((raw) => {
    const metadata = isObject(raw) ? raw['metadata'] : null;
    const name = isObject(metadata) ? metadata['name'] : null;
    return typeof name === 'string' ? [{ name, raw }] : [];
  });
  return named.toSorted((a, b) => (a.name < b.name ? -1 : 1));
}
