/** Stands between the program and the lab's real API server, and breaks what passes: delays it, cuts it, answers in its place. */
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http';
import { Agent, request } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { Lab } from './lab.ts';

/** An answer of the real server, whole. */
export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

export interface Passing {
  readonly response: ServerResponse;
  /** Asks the real server: the path may be changed on the way. */
  readonly forward: (change?: (path: string) => string) => Promise<Answer>;
}

export type Fault = (passing: Passing) => Promise<void> | void;

/** Which requests are broken, and how. */
export interface FaultRule {
  /** Of method and path: `GET /api/v1/nodes?limit=500`. */
  readonly match: RegExp;
  /** Only the first so many that match; absent: all. */
  readonly times?: number;
  readonly fault: Fault;
}

export interface FaultProxy {
  readonly url: string;
  rules: readonly FaultRule[];
  /** Method and path of what was asked. */
  readonly seen: string[];
  /** Back to an honest server. */
  reset(): void;
  close(): Promise<void>;
}

interface Kubeconfig {
  readonly clusters: readonly { readonly cluster: Readonly<Record<string, string>> }[];
  readonly users: readonly { readonly user: Readonly<Record<string, string>> }[];
}

export async function startFaultProxy(lab: Lab): Promise<FaultProxy> {
  const view = ['--kubeconfig', lab.kubeconfig, 'config', 'view', '--raw', '--flatten', '-o', 'json'];
  const config = JSON.parse(spawnSync(lab.kubectl, view, { encoding: 'utf8' }).stdout) as Kubeconfig;
  const cluster = config.clusters[0]?.cluster ?? {};
  const user = config.users[0]?.user ?? {};
  const pem = (data: string | undefined): Buffer => Buffer.from(data ?? '', 'base64');
  const agent = new Agent({
    keepAlive: true,
    ca: pem(cluster['certificate-authority-data']),
    cert: pem(user['client-certificate-data']),
    key: pem(user['client-key-data']),
  });
  const origin = new URL(cluster['server'] ?? '');
  const proxy = { rules: [] as readonly FaultRule[], seen: [] as string[] };
  let left = new Map<FaultRule, number>();

  const server = createServer((incoming, response) => {
    const line = `${incoming.method ?? ''} ${incoming.url ?? ''}`;
    proxy.seen.push(line);
    const rule = proxy.rules.find((one) => one.match.test(line) && (left.get(one) ?? one.times ?? 1) > 0);
    const forward = async (change = (path: string): string => path): Promise<Answer> =>
      ask(agent, new URL(change(incoming.url ?? '/'), origin), incoming);
    if (rule?.times !== undefined) left.set(rule, (left.get(rule) ?? rule.times) - 1);
    const fault = rule?.fault ?? pass;
    Promise.resolve(fault({ response, forward })).catch(() => response.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return Object.assign(proxy, {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    reset(): void {
      proxy.rules = [];
      proxy.seen.length = 0;
      left = new Map();
    },
    async close(): Promise<void> {
      agent.destroy();
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  });
}

function ask(agent: Agent, url: URL, incoming: IncomingMessage): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const { accept } = incoming.headers;
    const headers = accept === undefined ? {} : { accept };
    const call = request(url, { agent, method: incoming.method, headers }, (answer) => {
      const chunks: Buffer[] = [];
      answer.on('data', (chunk: Buffer) => chunks.push(chunk));
      answer.on('error', reject);
      answer.on('end', () => {
        resolve({ status: answer.statusCode ?? 0, headers: answer.headers, body: Buffer.concat(chunks) });
      });
    });
    call.on('error', reject);
    incoming.pipe(call);
  });
}

const pass: Fault = async ({ response, forward }) => {
  const { status, headers, body } = await forward();
  response.writeHead(status, { 'content-type': headers['content-type'] ?? 'application/json' }).end(body);
};

/** The words of the API server for a status. */
export function status(code: number, reason: string, message: string, headers: Record<string, string> = {}): Fault {
  const body = { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure', message, reason, code };
  return ({ response }) => {
    response.writeHead(code, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body));
  };
}

/** Any other answer. */
export function answer(code: number, contentType: string, body: string): Fault {
  return ({ response }) => {
    response.writeHead(code, { 'content-type': contentType }).end(body);
  };
}

/** The real answer's first half; then the connection breaks. */
export const cut: Fault = async ({ response, forward }) => {
  const { body } = await forward();
  response.writeHead(200, { 'content-type': 'application/json', 'content-length': String(body.length) });
  response.write(body.subarray(0, body.length / 2), () => response.destroy());
};

/** The connection breaks before an answer. */
export const reset: Fault = ({ response }) => {
  response.destroy();
};

/** Nothing comes, ever. */
export const silence: Fault = () => undefined;

/** The real answer, a little later than usual. */
export function late(milliseconds: number): Fault {
  return async (passing) => {
    await new Promise((resolve) => setTimeout(resolve, milliseconds));
    await pass(passing);
  };
}

/** The real answer to the same question, asked in pages of one object. */
export const onePerPage: Fault = async ({ response, forward }) => {
  const { status: code, body } = await forward((path) => path.replace('limit=500', 'limit=1'));
  response.writeHead(code, { 'content-type': 'application/json' }).end(body);
};

/** The real answer, changed. */
export function changed(change: (list: Record<string, unknown>) => unknown): Fault {
  return async ({ response, forward }) => {
    const { body } = await forward();
    const list = JSON.parse(body.toString('utf8')) as Record<string, unknown>;
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(change(list)));
  };
}
