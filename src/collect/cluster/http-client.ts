import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import type { KubeConfig, RequestContext } from '@kubernetes/client-node';
import type { Answer } from './answer.ts';
import type { CredentialSource } from './credentials.ts';

/** The part of undici that does the requests, as client-node hands it out. */
type Dispatcher = NonNullable<ReturnType<RequestContext['getDispatcher']>>;

export type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

export interface HttpRequest {
  readonly method: Method;
  /** Absolute. */
  readonly url: URL;
  readonly headers: Readonly<Record<string, string | string[]>>;
  readonly body: string | null;
  readonly signal: AbortSignal;
}

/** An answer larger than this is not held in memory: a list is read in pages of a few MB. */
const MAX_BODY = 1_073_741_824;

const unzip = promisify(gunzip);

/**
 * Sends requests over connections that are kept: client-node would open a new one for each. Redirects are not followed,
 * since a Kubernetes API does not redirect, and credentials must not travel on.
 */
export class HttpClient {
  readonly #kubeConfig: KubeConfig;
  readonly #credentials: CredentialSource;
  #current: { readonly certificate: string | null; readonly dispatcher: Promise<Dispatcher> } | null = null;

  constructor(kubeConfig: KubeConfig, credentials: CredentialSource) {
    this.#kubeConfig = kubeConfig;
    this.#credentials = credentials;
  }

  /** One request, one answer, read to its end. Rejects with what the connection died of. */
  async send(request: HttpRequest): Promise<Answer> {
    const dispatcher = await this.#dispatcher();
    const { statusCode, headers, body } = await dispatcher.request({
      origin: request.url.origin,
      path: `${request.url.pathname}${request.url.search}`,
      method: request.method,
      headers: { ...request.headers, 'accept-encoding': 'gzip' },
      body: request.body,
      signal: request.signal,
      // The caller's signal is the only clock.
      headersTimeout: 0,
      bodyTimeout: 0,
    });
    const bytes = Buffer.from(await body.arrayBuffer());
    return {
      status: statusCode,
      contentType: one(headers['content-type']),
      retryAfter: one(headers['retry-after']),
      location: one(headers['location']),
      body: one(headers['content-encoding']) === 'gzip' ? await unzip(bytes, { maxOutputLength: MAX_BODY }) : bytes,
    };
  }

  async close(): Promise<void> {
    const current = this.#current;
    this.#current = null;
    if (current !== null) await (await current.dispatcher).destroy();
  }

  /** Kept as long as the client certificate is the same; a credential plugin may give another one. */
  async #dispatcher(): Promise<Dispatcher> {
    const { certificate } = await this.#credentials.get();
    if (this.#current === null || this.#current.certificate !== certificate) {
      const dispatcher = this.#connect();
      this.#current = { certificate, dispatcher };
    }
    return this.#current.dispatcher;
  }

  async #connect(): Promise<Dispatcher> {
    const { RequestContext } = await import('@kubernetes/client-node/dist/gen/http/http.js');
    const server = this.#kubeConfig.getCurrentCluster()?.server ?? '';
    const context = new RequestContext(server, 'GET');
    await this.#kubeConfig.applySecurityAuthentication(context);
    const dispatcher = context.getDispatcher();
    // Without TLS settings client-node leaves the choice to undici; there always are some, see dispatcher.ts.
    if (dispatcher === undefined) throw new Error('client-node made no dispatcher');
    return dispatcher;
  }
}

function one(header: string | string[] | undefined): string {
  return (Array.isArray(header) ? header[0] : header) ?? '';
}
