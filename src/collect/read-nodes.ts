import pLimit from 'p-limit';
import type { Attempt, NodeEvidence, NodeFailure, NodeFile, NodeManifest } from '../model/snapshot.ts';
import { Deadline } from './deadline.ts';
import { systemRefusal, withNodeState } from './node-state.ts';
import { questions } from './questions.ts';
import { readNode } from './read-node.ts';
import { NodeReadError, type Transport } from './transport.ts';
import type { NodeTarget, NodeWay } from './way.ts';

/** How nodes are read. */
export interface NodesRequest {
  /** In order of preference: the next one is taken where one does not lead to a node. */
  readonly ways: readonly NodeWay[];
  /** Milliseconds for one node by one way, to its last answer, without the time a person is asked something. */
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

/**
 * Reads each node, way by way: those that one does not lead to are tried by the next, all of them together, so that a way can
 * say, or ask, what it is about to do once for all. One that cannot be read costs only itself.
 */
export async function readNodes(request: NodesRequest, nodes: readonly NodeTarget[]): Promise<readonly NodeRead[]> {
  const limit = pLimit(request.concurrency);
  const reads = new Map<NodeTarget, NodeRead>();
  let left = nodes.filter((node) => {
    const refusal = systemRefusal(node.raw);
    const [way] = request.ways;
    if (refusal === null || way === undefined) return true;
    reads.set(node, nodeRead(node.name, request.now().toISOString(), request, unread(way, refusal), []));
    return false;
  });
  let done = nodes.length - left.length;
  for (const [index, way] of request.ways.entries()) {
    const isLast = index === request.ways.length - 1;
    const refusal = left.length === 0 ? null : await preparing(way, left, request);
    const again: NodeTarget[] = [];
    await Promise.all(
      left.map((node) =>
        limit(async () => {
          const attempts = attemptsOf(reads.get(node));
          const read = await readByWay(request, way, node, refusal, attempts);
          reads.set(node, read);
          if (read.manifest.failure !== null && !isLast && !request.signal.aborted) again.push(node);
          else request.done(++done);
        }),
      ),
    );
    left = nodes.filter((node) => again.includes(node));
  }
  return nodes.flatMap((node) => reads.get(node) ?? []);
}

/** Why a way leads to no node at all; null: it may. */
async function preparing(
  way: NodeWay,
  nodes: readonly NodeTarget[],
  request: NodesRequest,
): Promise<NodeFailure | null> {
  try {
    await way.prepare?.(nodes, request.signal);
    return null;
  } catch (error) {
    return failureOf(error, request, false);
  }
}

/** What was tried before: the attempts of the last reading, and that reading itself. */
function attemptsOf(read: NodeRead | undefined): readonly Attempt[] {
  if (read === undefined) return [];
  const { attempts = [], failure, via } = read.manifest;
  return failure === null ? attempts : [...attempts, { via, failure }];
}

async function readByWay(
  request: NodesRequest,
  way: NodeWay,
  node: NodeTarget,
  refusal: NodeFailure | null,
  attempts: readonly Attempt[],
): Promise<NodeRead> {
  const startedAt = request.now().toISOString();
  if (refusal !== null) return nodeRead(node.name, startedAt, request, unread(way, refusal), attempts);
  const deadline = new Deadline(request.nodeTimeoutMs, questions);
  try {
    const signal = AbortSignal.any([request.signal, deadline.signal]);
    const { failure, ...reading } = await readBy(way, node, request, signal, deadline.signal);
    const told = failure === null ? null : withNodeState(failure, node.raw);
    return nodeRead(node.name, startedAt, request, { ...reading, failure: told }, attempts);
  } finally {
    deadline.end();
  }
}

function unread(way: NodeWay, failure: NodeFailure): WayReading {
  return { way, client: way.via, files: new Map(), commands: [], failure };
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
    return { ...unread(way, failure), client: transport?.client ?? way.via };
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
