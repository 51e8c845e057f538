import pLimit from 'p-limit';
import type { Attempt, NodeEvidence, NodeFailure, NodeFile, NodeManifest } from '../model/snapshot.ts';
import { Deadline } from './deadline.ts';
import { questions } from './questions.ts';
import { readNode } from './read-node.ts';
import { NodeReadError, type Transport } from './transport.ts';
import type { NodeTarget, NodeWay } from './way.ts';

/** How nodes are read. */
export interface NodesRequest {
  /** In order of preference: the next one is taken where one does not lead to a node. */
  readonly ways: readonly NodeWay[];
  /** Milliseconds for one node, from the connection to its last answer, without the time a person is asked something. */
  readonly nodeTimeoutMs: number;
  /** Nodes that are read at the same time. */
  readonly concurrency: number;
  readonly signal: AbortSignal;
  readonly done: (nodes: number) => void;
  readonly now: () => Date;
}

export interface NodeRead {
  readonly evidence: NodeEvidence;
  readonly manifest: NodeManifest;
}

/** Reads each node. One that cannot be read costs only itself. */
export async function readNodes(request: NodesRequest, nodes: readonly NodeTarget[]): Promise<readonly NodeRead[]> {
  const limit = pLimit(request.concurrency);
  let done = 0;
  return Promise.all(
    nodes.map((node) =>
      limit(async () => {
        const deadline = new Deadline(request.nodeTimeoutMs, questions);
        try {
          return await readOneNode(request, node, deadline.signal);
        } finally {
          deadline.end();
          request.done(++done);
        }
      }),
    ),
  );
}

async function readOneNode(request: NodesRequest, node: NodeTarget, deadline: AbortSignal): Promise<NodeRead> {
  const startedAt = request.now().toISOString();
  const signal = AbortSignal.any([request.signal, deadline]);
  const attempts: Attempt[] = [];
  for (const [index, way] of request.ways.entries()) {
    const reading = await readBy(way, node, request, signal, deadline);
    const isLast = index === request.ways.length - 1;
    if (reading.failure === null || isLast || signal.aborted) {
      return nodeRead(node.name, startedAt, request, reading, attempts);
    }
    attempts.push({ via: way.via, failure: reading.failure });
  }
  throw new TypeError('no way to read a node was given');
}

interface WayReading {
  readonly way: NodeWay;
  readonly client: string;
  readonly files: ReadonlyMap<NodeFile, string>;
  readonly commands: NodeManifest['commands'];
  readonly failure: NodeFailure | null;
}

async function readBy(
  way: NodeWay,
  node: NodeTarget,
  request: NodesRequest,
  signal: AbortSignal,
  deadline: AbortSignal,
): Promise<WayReading> {
  let transport: Transport | null = null;
  try {
    transport = await way.open(node, signal);
    const reading = await readNode(transport, { signal, now: () => performance.now() });
    return { way, client: transport.client, ...reading };
  } catch (error) {
    const failure = failureOf(error, request, deadline.aborted);
    return { way, client: transport?.client ?? way.via, files: new Map(), commands: [], failure };
  } finally {
    await transport?.close();
  }
}

function nodeRead(
  name: string,
  startedAt: string,
  request: NodesRequest,
  { way, client, files, commands, failure }: WayReading,
  attempts: readonly Attempt[],
): NodeRead {
  const finishedAt = request.now().toISOString();
  const tried = attempts.length === 0 ? {} : { attempts };
  return {
    evidence: { name, files },
    manifest: { name, via: way.via, client, startedAt, finishedAt, failure, ...tried, commands },
  };
}

function failureOf(error: unknown, request: NodesRequest, timedOut: boolean): NodeFailure {
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
