import pLimit from 'p-limit';
import { isObject, itemsOf } from '../model/decode.ts';
import type { ClusterFile, NodeEvidence, NodeFile, NodeManifest, Snapshot } from '../model/snapshot.ts';
import { SNAPSHOT_FORMAT } from '../model/snapshot.ts';
import type { ClusterConnection, ClusterRead } from './cluster/index.ts';
import { readCluster } from './cluster/index.ts';
import { addressesOfNode, type NodeAddressType } from './node-address.ts';
import { readNode } from './read-node.ts';
import type { SshSettings } from './ssh/index.ts';
import { connectSsh } from './ssh/index.ts';
import { NodeReadError, type Transport } from './transport.ts';

/** What a live run looks at. */
export interface LiveRequest {
  readonly connection: ClusterConnection;
  readonly read: ClusterRead;
  readonly ssh: SshSettings;
  readonly nodeAddress: NodeAddressType | null;
  /** Only these nodes; null: all. */
  readonly nodes: readonly string[] | null;
  /** Milliseconds for one node, from the connection to its last answer. */
  readonly nodeTimeoutMs: number;
  /** Nodes that are read at the same time. */
  readonly concurrency: number;
  readonly signal: AbortSignal;
  readonly toolVersion: string;
  readonly progress: (event: ProgressEvent) => void;
  readonly now: () => Date;
}

/** What is going on, for people who wait. */
export type ProgressEvent =
  { readonly kind: 'cluster' } | { readonly kind: 'nodes'; readonly done: number; readonly all: number };

interface NodeRead {
  readonly evidence: NodeEvidence;
  readonly manifest: NodeManifest;
}

/** Reads the cluster, then each node. A node that cannot be read costs only itself. */
export async function collectLive(request: LiveRequest): Promise<Snapshot> {
  const startedAt = request.now().toISOString();
  request.progress({ kind: 'cluster' });
  const reading = await readCluster(request.connection, request.read, request.signal);
  const nodes = await readNodes(request, nodeObjects(reading.cluster));
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
      parts: reading.parts,
      nodes: nodes.map((node) => node.manifest),
    },
    cluster: reading.cluster,
    nodes: nodes.map((node) => node.evidence),
  };
}

interface NodeObject {
  readonly name: string;
  readonly raw: unknown;
}

function nodeObjects(cluster: ReadonlyMap<ClusterFile, unknown>): readonly NodeObject[] {
  const items = itemsOf('nodes', cluster.get('nodes'));
  const named = items.flatMap((raw) => {
    const metadata = isObject(raw) ? raw['metadata'] : null;
    const name = isObject(metadata) ? metadata['name'] : null;
    return typeof name === 'string' ? [{ name, raw }] : [];
  });
  return named.toSorted((a, b) => (a.name < b.name ? -1 : 1));
}

async function readNodes(request: LiveRequest, all: readonly NodeObject[]): Promise<readonly NodeRead[]> {
  const wanted = all.filter((node) => request.nodes === null || request.nodes.includes(node.name));
  const limit = pLimit(request.concurrency);
  let done = 0;
  request.progress({ kind: 'nodes', done, all: wanted.length });
  return Promise.all(
    wanted.map((node) =>
      limit(async () => {
        const read = await readOneNode(request, node);
        request.progress({ kind: 'nodes', done: ++done, all: wanted.length });
        return read;
      }),
    ),
  );
}

async function readOneNode(request: LiveRequest, node: NodeObject): Promise<NodeRead> {
  const startedAt = request.now().toISOString();
  const deadline = AbortSignal.timeout(request.nodeTimeoutMs);
  const signal = AbortSignal.any([request.signal, deadline]);
  let transport: Transport | null = null;
  let client = 'ssh';
  try {
    transport = await connectSsh(
      { node: node.name, addresses: addressesOfNode(node.raw, request.nodeAddress) },
      request.ssh,
      signal,
    );
    client = transport.client;
    const { files, commands, failure } = await readNode(transport, { signal, now: () => performance.now() });
    return nodeRead(node.name, client, startedAt, request, files, { commands, failure });
  } catch (error) {
    const failure = failureOf(error, request, deadline.aborted);
    return nodeRead(node.name, client, startedAt, request, new Map(), { commands: [], failure });
  } finally {
    await transport?.close();
  }
}

function nodeRead(
  name: string,
  client: string,
  startedAt: string,
  request: LiveRequest,
  files: ReadonlyMap<NodeFile, string>,
  rest: Pick<NodeManifest, 'commands' | 'failure'>,
): NodeRead {
  const finishedAt = request.now().toISOString();
  return { evidence: { name, files }, manifest: { name, via: 'ssh', client, startedAt, finishedAt, ...rest } };
}

function failureOf(error: unknown, request: LiveRequest, timedOut: boolean): NodeManifest['failure'] {
  if (request.signal.aborted) return { reason: 'cancelled', message: 'the run was stopped', tryThis: 'Run it again.' };
  if (error instanceof NodeReadError && !(timedOut && error.reason === 'cancelled')) {
    return { reason: error.reason, message: error.message, tryThis: error.tryThis };
  }
  if (timedOut) {
    return {
      reason: 'timeout',
      message: `the node did not answer within ${request.nodeTimeoutMs / 1000} s`,
      tryThis: 'Give it more time: --node-timeout 60s',
    };
  }
  const message = error instanceof Error ? error.message : String(error);
  return { reason: 'internal', message, tryThis: 'This is a defect of kubectl-svcdoctor: please report it.' };
}
