/**
 * How a lab is talked to: one JSON object a line over a unix socket, a request each way of the methods below.
 * Only root's own processes reach the socket: its folder is closed to others.
 */
import { createConnection, createServer } from 'node:net';
import type { Server, Socket } from 'node:net';
import { createInterface } from 'node:readline';
import type { RunResult } from './process.ts';

export interface ConnectRequest {
  /** `node/NAME`, `pod/NAME` or `external`. */
  readonly from: string;
  /** `ip:port`; an IPv6 address in brackets. */
  readonly to: string;
  readonly count?: number;
  readonly timeoutMs?: number;
  /** The node through which `external` reaches the Service addresses. */
  readonly via?: string;
}

export type Connection =
  /** `by` and `source` are missing when something else than a pod's server answered. */
  | { readonly kind: 'answered'; readonly by?: string; readonly source?: string; readonly detail?: string }
  | { readonly kind: 'refused' | 'timeout' | 'reset' | 'unreachable' | 'failed'; readonly detail: string };

export interface NodeStatus {
  readonly name: string;
  readonly ip: string;
  readonly kubeProxy: 'running' | 'dead';
  readonly sshd: 'running' | 'dead';
  /** Only in a full lab. */
  readonly kubelet?: 'running' | 'dead';
  readonly containerd?: 'running' | 'dead';
  readonly breaks: readonly string[];
}

export interface LabStatus {
  readonly kubeProxyVersion: string;
  readonly backend: string;
  readonly upSeconds: number;
  readonly nodes: readonly NodeStatus[];
}

/** The methods: what goes in, what comes out. */
export interface Methods {
  status: { params: Record<string, never>; result: LabStatus };
  break: { params: { name: string; node?: string }; result: { node: string; did: readonly string[] } };
  heal: { params: Record<string, never>; result: { healed: readonly string[]; seconds: number } };
  connect: { params: ConnectRequest; result: readonly Connection[] };
  /** Without a node: in the control plane's namespace. */
  exec: { params: { node?: string; argv: readonly string[]; input?: string }; result: RunResult };
  record: { params: Record<string, never>; result: Readonly<Record<string, string>> };
  down: { params: Record<string, never>; result: null };
}

export type Method = keyof Methods;

export type Handlers = { readonly [M in Method]: (params: Methods[M]['params']) => Promise<Methods[M]['result']> };

interface Answer {
  readonly result?: unknown;
  readonly error?: string;
}

export function serveControl(path: string, handlers: Handlers): Server {
  const server = createServer((socket) => {
    socket.on('error', () => socket.destroy());
    createInterface({ input: socket }).on('line', (line) => void answerTo(line, handlers, socket));
  });
  return server.listen(path);
}

async function answerTo(line: string, handlers: Handlers, socket: Socket): Promise<void> {
  const answer: Answer = await perform(line, handlers).then(
    (result) => ({ result }),
    (error: unknown) => ({ error: error instanceof Error ? error.message : String(error) }),
  );
  socket.end(`${JSON.stringify(answer)}\n`);
}

async function perform(line: string, handlers: Handlers): Promise<unknown> {
  const { method, params } = JSON.parse(line) as { method: Method; params: never };
  const handler = handlers[method] as ((params: never) => Promise<unknown>) | undefined;
  if (handler === undefined) throw new Error(`no method ${method}`);
  return handler(params);
}

/** One request, one connection: nothing to keep, nothing to mix up. */
export function callControl<M extends Method>(
  path: string,
  method: M,
  params: Methods[M]['params'],
): Promise<Methods[M]['result']> {
  return new Promise((resolve, reject) => {
    const socket = createConnection(path);
    let text = '';
    socket.setEncoding('utf8');
    socket.on('connect', () => socket.write(`${JSON.stringify({ method, params })}\n`));
    socket.on('data', (chunk: string) => (text += chunk));
    socket.on('error', reject);
    socket.on('close', () => {
      if (!text.endsWith('\n')) return reject(new Error(`the lab ended during ${method}`));
      const { result, error } = JSON.parse(text) as Answer;
      if (error !== undefined) return reject(new Error(error));
      resolve(result as Methods[M]['result']);
    });
  });
}
