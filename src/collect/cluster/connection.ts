import pLimit from 'p-limit';
import type { KubeConfig } from '@kubernetes/client-node';
import type { WebSocket } from 'ws';
import { readAnswer, readText } from './answer.ts';
import type { Answer } from './answer.ts';
import { ClusterError } from './cluster-error.ts';
import { credentialSource } from './credentials.ts';
import type { CredentialSource } from './credentials.ts';
import { clientNodeConfig, identityHeaders } from './dispatcher.ts';
import { DEFAULT_REQUEST_TIMEOUT_MS, DEFAULT_RETRY } from './flags.ts';
import type { ClusterEnvironment, ClusterFlags, RetryPolicy } from './flags.ts';
import { HttpClient } from './http-client.ts';
import type { Method } from './http-client.ts';
import { textOf } from './json-value.ts';
import { loadKubeconfig } from './kubeconfig.ts';
import { connectionError, isReset, timeoutError, withoutCredentials } from './network-error.ts';
import { proxyFromEnvironment } from './proxy-environment.ts';
import { impersonationHeaders, resolveConfig } from './resolve-config.ts';
import type { ResolvedConfig } from './resolve-config.ts';
import { Retries, setbackOf } from './retry.ts';
import { readTlsMaterial } from './tls-material.ts';
import { openWebSocket } from './web-socket.ts';
import type { Upgrade } from './web-socket.ts';

/** Query parameters; those undefined are left out, those with several values are repeated. */
export type Query = Readonly<Record<string, string | readonly string[] | undefined>>;

export interface ClusterRequest {
  readonly method: Method;
  /** From the root of the API, e.g. `/api/v1/nodes`. */
  readonly path: string;
  readonly query?: Query;
  /** Media types of the answer, best first; absent: JSON. */
  readonly accept?: string | undefined;
  /** Sent as JSON; for PATCH as a strategic merge patch. */
  readonly body?: unknown;
  readonly signal?: AbortSignal | undefined;
}

/** A WebSocket that is wanted: the path and what is spoken on it. */
export interface SocketRequest extends Pick<ClusterRequest, 'path' | 'query'> {
  /** Subprotocols, the best first, e.g. `v5.channel.k8s.io`. */
  readonly protocols: readonly string[];
  /** Ends the attempt to open it; the open socket is the caller's. */
  readonly signal: AbortSignal;
}

/** An open door to one API server, for one user. */
export interface ClusterConnection {
  /** Context name, null in a cluster's own pod or when flags alone named the server. */
  readonly context: string | null;
  /** URL of the API server, without credentials. */
  readonly server: string;
  /** The namespace meant when none is named. */
  readonly namespace: string;
  /**
   * The parsed JSON of a GET. Repeated when the server is busy or the connection breaks.
   * @throws ClusterError in kubectl's words; the signal's reason when it is aborted
   */
  get(path: string, query?: Query, signal?: AbortSignal): Promise<unknown>;
  /** As {@link get}, for what is text and not JSON: the log of a pod. */
  getText(path: string, query?: Query, signal?: AbortSignal): Promise<string>;
  /** As {@link get}, for any method. Only a GET is ever repeated, except once after a 401 with a new credential. */
  send(request: ClusterRequest): Promise<unknown>;
  /**
   * A WebSocket to a path: same server, same user, same proxy as for other requests, tried again where a GET is. It is
   * paused: `resume()` it when its listeners are there. Errors and the end of an open socket are the caller's to see.
   * @throws ClusterError with the server's own words when it refuses; the signal's reason when it is aborted
   */
  openSocket(request: SocketRequest): Promise<WebSocket>;
  /** Ends the connections; never rejects. */
  close(): Promise<void>;
}

/** Lists are large, and the API server's fair queuing is for everybody. */
const IN_FLIGHT = 4;

/** Milliseconds for the opening of a WebSocket. Behind it are the API server and a kubelet that may not be there. */
const HANDSHAKE_TIMEOUT_MS = 15_000;

const USER_AGENT = 'kubectl-svcdoctor';

/**
 * Reads the kubeconfig and prepares the connection; nothing is sent yet, but a credential plugin may run at the first request.
 * @throws ClusterError when the configuration cannot be used
 */
export async function connectCluster(flags: ClusterFlags, environment: ClusterEnvironment): Promise<ClusterConnection> {
  const config = await resolveConfig(await loadKubeconfig(flags, environment), flags, environment);
  impersonationHeaders(config.user);
  const server = serverUrl(config);
  if (config.cluster['insecure-skip-tls-verify'] === true && hasAuthority(config)) {
    throw new ClusterError(
      'specifying a root certificates file with the insecure flag is not allowed',
      'Keep one of certificate-authority and insecure-skip-tls-verify.',
    );
  }
  const proxy = textOf(config.cluster['proxy-url']) || proxyFromEnvironment(server, environment.variables);
  const [tls, credentials] = await Promise.all([readTlsMaterial(config), credentialSource(config, environment)]);
  const kubeConfig = await clientNodeConfig(config, server, proxy, tls, credentials);
  return new Connection({
    config,
    server,
    proxy,
    credentials,
    kubeConfig,
    timeoutMs: flags.requestTimeout ?? DEFAULT_REQUEST_TIMEOUT_MS,
    retry: { ...DEFAULT_RETRY, ...environment.retry },
  });
}

function hasAuthority({ cluster }: ResolvedConfig): boolean {
  return textOf(cluster['certificate-authority']) !== '' || textOf(cluster['certificate-authority-data']) !== '';
}

/** A server without a scheme is http unless there is something of TLS in the configuration, as in client-go. */
function serverUrl(config: ResolvedConfig): URL {
  const text = textOf(config.cluster['server']);
  const tls =
    hasAuthority(config) || ['client-certificate', 'client-certificate-data'].some((key) => textOf(config.user[key]));
  const url = URL.parse(text.includes('://') ? text : `${tls ? 'https' : 'http'}://${text}`);
  if (url === null || !['http:', 'https:'].includes(url.protocol) || url.hostname === '') {
    throw new ClusterError(`the server "${text}" is not a URL`, 'It looks like https://HOST:PORT');
  }
  url.pathname = url.pathname.replace(/\/+$/, '');
  return url;
}

interface ConnectionParts {
  readonly config: ResolvedConfig;
  readonly server: URL;
  readonly proxy: string | null;
  readonly credentials: CredentialSource;
  readonly kubeConfig: KubeConfig;
  readonly timeoutMs: number;
  readonly retry: RetryPolicy;
}

class Connection implements ClusterConnection {
  readonly context: string | null;
  readonly server: string;
  readonly namespace: string;
  readonly #parts: ConnectionParts;
  readonly #client: HttpClient;
  readonly #limit = pLimit(IN_FLIGHT);

  constructor(parts: ConnectionParts) {
    this.context = parts.config.context;
    this.server = withoutCredentials(parts.server.href);
    this.namespace = parts.config.namespace;
    this.#parts = parts;
    this.#client = new HttpClient(parts.kubeConfig, parts.credentials);
  }

  get(path: string, query: Query = {}, signal?: AbortSignal): Promise<unknown> {
    return this.send({ method: 'GET', path, query, signal });
  }

  async getText(path: string, query: Query = {}, signal?: AbortSignal): Promise<string> {
    const request = { method: 'GET', path, query, signal, accept: 'text/plain, application/json' } as const;
    return readText(await this.#answerTo(request), request, this.#parts.server);
  }

  async send(request: ClusterRequest): Promise<unknown> {
    return readAnswer(await this.#answerTo(request), request, this.#parts.server);
  }

  #answerTo(request: ClusterRequest): Promise<Answer> {
    const isRepeatable = request.method === 'GET';
    const once = async (): Promise<Answer> => this.#once(request);
    return this.#limit(() => this.#patiently(once, isRepeatable, request.signal));
  }

  async openSocket(request: SocketRequest): Promise<WebSocket> {
    const once = async (): Promise<Upgrade> => this.#upgradeOnce(request);
    const upgrade = await this.#patiently(once, true, request.signal);
    if (upgrade.socket !== null) return upgrade.socket;
    readAnswer(upgrade, { method: 'GET', path: request.path }, this.#parts.server);
    const { host } = this.#parts.server;
    throw new ClusterError(
      `${host} answered with status ${upgrade.status} instead of opening a WebSocket`,
      'Does a proxy or a load balancer in between let WebSockets through?',
      { status: upgrade.status },
    );
  }

  async close(): Promise<void> {
    await this.#client.close().catch(() => undefined);
  }

  async #patiently<T extends Answer>(
    once: () => Promise<T>,
    isRepeatable: boolean,
    signal: AbortSignal | undefined,
  ): Promise<T> {
    const retries = new Retries(this.#parts.retry);
    for (;;) {
      signal?.throwIfAborted();
      try {
        const answer = await this.#withFreshCredential(once);
        const setback = isRepeatable ? setbackOf(answer.status, answer.retryAfter) : null;
        if (setback === null || !(await retries.again(setback, signal))) return answer;
      } catch (error) {
        signal?.throwIfAborted();
        if (error instanceof ClusterError) throw error;
        const again = isRepeatable && isReset(error) && (await retries.again({ kind: 'broken' }, signal));
        if (!again) throw connectionError(error, this.#parts.server, this.#parts.proxy);
      }
    }
  }

  /** A token may have run out meanwhile: one more attempt with another one, if there is another one. */
  async #withFreshCredential<T extends Answer>(once: () => Promise<T>): Promise<T> {
    const { credentials } = this.#parts;
    const used = await credentials.get();
    const answer = await once();
    if (answer.status !== 401 || !(await credentials.renew(used))) return answer;
    return once();
  }

  async #once(request: ClusterRequest): Promise<Answer> {
    const { config, credentials, server, timeoutMs } = this.#parts;
    const headers: Record<string, string | string[]> = {
      Accept: request.accept ?? 'application/json',
      'User-Agent': USER_AGENT,
      ...(await identityHeaders(config, credentials)),
    };
    if (request.body !== undefined) headers['Content-Type'] = contentType(request.method);
    return this.#inTime(timeoutMs, request.signal, (signal) =>
      this.#client.send({
        method: request.method,
        url: urlOf(server, request),
        headers,
        body: request.body === undefined ? null : JSON.stringify(request.body),
        signal,
      }),
    );
  }

  async #upgradeOnce(request: SocketRequest): Promise<Upgrade> {
    const { server, kubeConfig, timeoutMs } = this.#parts;
    const longest = timeoutMs === 0 ? HANDSHAKE_TIMEOUT_MS : Math.min(timeoutMs, HANDSHAKE_TIMEOUT_MS);
    return this.#inTime(longest, request.signal, (signal) =>
      openWebSocket(kubeConfig, {
        url: urlOf(server, request),
        protocols: request.protocols,
        userAgent: USER_AGENT,
        signal,
      }),
    );
  }

  /** `timeoutMs` 0: no limit but the caller's. @throws ClusterError when the time is over */
  async #inTime<T>(
    timeoutMs: number,
    signal: AbortSignal | undefined,
    act: (signal: AbortSignal) => Promise<T>,
  ): Promise<T> {
    const timeout = timeoutMs === 0 ? null : AbortSignal.timeout(timeoutMs);
    const signals = [timeout, signal].filter((signal) => signal !== null && signal !== undefined);
    try {
      return await act(AbortSignal.any(signals));
    } catch (error) {
      signal?.throwIfAborted();
      if (timeout?.aborted === true) throw timeoutError(this.#parts.server, timeoutMs, error);
      throw error;
    }
  }
}

function contentType(method: Method): string {
  return method === 'PATCH' ? 'application/strategic-merge-patch+json' : 'application/json';
}

function urlOf(server: URL, request: Pick<ClusterRequest, 'path' | 'query'>): URL {
  const url = new URL(`${server.origin}${server.pathname.replace(/\/$/, '')}${request.path}`);
  for (const [name, value] of Object.entries(request.query ?? {})) {
    if (value === undefined || value === '') continue;
    for (const one of typeof value === 'string' ? [value] : value) url.searchParams.append(name, one);
  }
  return url;
}
