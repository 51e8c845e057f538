import { createServer, ServerResponse } from 'node:http';
import type { IncomingMessage, Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { TLSSocket } from 'node:tls';
import type { ServerOptions } from 'node:https';
import { gzipSync } from 'node:zlib';
import { WebSocketServer } from 'ws';
import type { WebSocket } from 'ws';

/** A small Kubernetes API on 127.0.0.1 that can be broken on purpose. */

export type ApiObject = Record<string, unknown> & { metadata: Record<string, unknown> & { name: string } };

export interface Seen {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingMessage['headersDistinct'];
}

/** Answers a request itself and returns true, or leaves it to the API. `count`: how often this URL was asked for, from 1. */
export type Fault = (request: Seen, response: ServerResponse, count: number) => boolean;

export interface FakeApi {
  readonly url: string;
  readonly seen: Seen[];
  /** Objects by the path of their collection, e.g. `/api/v1/namespaces/default/services`. */
  readonly objects: Map<string, ApiObject[]>;
  fault: Fault;
  /** What is done on a WebSocket, to whatever path it was opened. */
  talk: (socket: WebSocket, request: Seen) => void;
  /** Connections that were opened. */
  connections(): number;
  /** Common names of the client certificates seen, one per connection that showed one. */
  clientNames(): string[];
  close(): Promise<void>;
}

export async function startFakeApi(tls?: ServerOptions): Promise<FakeApi> {
  const seen: Seen[] = [];
  const objects = new Map<string, ApiObject[]>();
  const counts = new Map<string, number>();
  let connections = 0;
  /** What was asked for; null when a fault has answered it. */
  const notice = (request: IncomingMessage, response: ServerResponse): Seen | null => {
    const { method = '', url = '', headersDistinct } = request;
    const now: Seen = { method, url: decodeURIComponent(url), headers: headersDistinct };
    seen.push(now);
    const count = (counts.get(now.url) ?? 0) + 1;
    counts.set(now.url, count);
    return api.fault(now, response, count) ? null : now;
  };
  const handle = (request: IncomingMessage, response: ServerResponse): void => {
    if (notice(request, response) !== null) answer(objects, new URL(request.url ?? '', 'http://x'), request, response);
  };
  const upgrading = new Set<Duplex>();
  const sockets = new WebSocketServer({ noServer: true, handleProtocols: ([first]) => first ?? false });
  const server: Server = tls === undefined ? createServer(handle) : createTlsServer(tls, handle);
  server.on('upgrade', (request: IncomingMessage, socket, head: Buffer) => {
    upgrading.add(socket);
    const response = new ServerResponse(request);
    if (socket instanceof Socket) response.assignSocket(socket);
    const now = notice(request, response);
    if (now === null) return;
    sockets.handleUpgrade(request, socket, head, (opened) => api.talk(opened, now));
  });
  const clientNames: string[] = [];
  server.on(tls === undefined ? 'connection' : 'secureConnection', (socket: unknown) => {
    connections += 1;
    const name = socket instanceof TLSSocket ? socket.getPeerCertificate().subject?.CN : undefined;
    if (typeof name === 'string') clientNames.push(name);
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  const api: FakeApi = {
    url: `${tls === undefined ? 'http' : 'https'}://127.0.0.1:${port}`,
    seen,
    objects,
    fault: () => false,
    talk: () => undefined,
    connections: () => connections,
    clientNames: () => clientNames,
    close: () =>
      new Promise((done) => {
        server.close(() => done());
        server.closeAllConnections();
        for (const socket of upgrading) socket.destroy();
      }),
  };
  return api;
}

const KINDS: Record<string, [apiVersion: string, kind: string]> = {
  services: ['v1', 'Service'],
  endpoints: ['v1', 'Endpoints'],
  nodes: ['v1', 'Node'],
  pods: ['v1', 'Pod'],
  namespaces: ['v1', 'Namespace'],
  configmaps: ['v1', 'ConfigMap'],
  endpointslices: ['discovery.k8s.io/v1', 'EndpointSlice'],
  daemonsets: ['apps/v1', 'DaemonSet'],
};

function answer(objects: FakeApi['objects'], url: URL, request: IncomingMessage, response: ServerResponse): void {
  if (url.pathname === '/version') return send(response, 200, { gitVersion: 'v1.37.2' }, request);
  const own = objects.get(url.pathname);
  const plural = url.pathname.split('/').at(-1) ?? '';
  const kind = KINDS[plural];
  const everywhere = [...objects]
    .filter(([path]) => path.replace(/\/namespaces\/[^/]+(?=\/)/, '') === url.pathname)
    .flatMap(([, items]) => items);
  if (kind !== undefined) return sendList(response, own ?? everywhere, kind, url, request);
  const parent = url.pathname.slice(0, url.pathname.lastIndexOf('/'));
  const found = objects.get(parent)?.find((object) => object.metadata.name === plural);
  const collection = parent.split('/').at(-1) ?? '';
  if (found === undefined) return sendStatus(response, 404, 'NotFound', `${collection} "${plural}" not found`);
  const [apiVersion, one] = KINDS[collection] ?? ['', ''];
  return send(response, 200, { apiVersion, kind: one, ...found }, request);
}

function sendList(
  response: ServerResponse,
  items: ApiObject[],
  [apiVersion, kind]: [string, string],
  url: URL,
  request: IncomingMessage,
): void {
  const query = url.searchParams;
  const selected = items.filter(
    (item) => matches(item, query.get('labelSelector') ?? '') && matchesField(item, query.get('fieldSelector')),
  );
  const start = Number(query.get('continue') ?? 0);
  const limit = Number(query.get('limit') ?? 0) || Infinity;
  const page = selected.slice(start, start + limit);
  const more = start + limit < selected.length ? { continue: String(start + limit) } : {};
  const metadata = { resourceVersion: '100', ...more };
  send(response, 200, { apiVersion, kind: `${kind}List`, metadata, items: page.length > 0 ? page : null }, request);
}

function matchesField(item: ApiObject, selector: string | null): boolean {
  return selector === null || selector === `metadata.name=${item.metadata.name}`;
}

function matches(item: ApiObject, selector: string): boolean {
  const labels = Object.entries(item.metadata['labels'] ?? {});
  const has = (key: string, values: string[]): boolean =>
    labels.some(([name, value]) => name === key && values.includes(String(value)));
  const [, key, list] = /^(\S+) in \((.*)\)$/.exec(selector) ?? [];
  if (key !== undefined && list !== undefined) return has(key, list.split(','));
  return selector.split(',').every((term) => {
    const [name = '', value = ''] = term.split('=');
    return term === '' || has(name, [value]);
  });
}

export function sendStatus(response: ServerResponse, code: number, reason: string, message: string): void {
  send(response, code, { kind: 'Status', apiVersion: 'v1', status: 'Failure', reason, message, code });
}

export function send(response: ServerResponse, code: number, body: unknown, request?: IncomingMessage): void {
  const text = JSON.stringify(body);
  const zip = request?.headers['accept-encoding']?.includes('gzip') === true && text.length > 2000;
  response.writeHead(code, { 'content-type': 'application/json', ...(zip ? { 'content-encoding': 'gzip' } : {}) });
  response.end(zip ? gzipSync(text) : text);
}
