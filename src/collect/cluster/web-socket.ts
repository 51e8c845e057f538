import type { IncomingMessage } from 'node:http';
import type { KubeConfig } from '@kubernetes/client-node';
import type { ClientOptions, WebSocket } from 'ws';
import type { Answer } from './answer.ts';

/** What the server said to the wish for a WebSocket: the socket, or an answer as to any other request. */
export interface Upgrade extends Answer {
  /** null: refused. Paused, so that no message is lost before somebody listens: `resume()` it then. */
  readonly socket: WebSocket | null;
}

export interface UpgradeRequest {
  /** Absolute, http or https. */
  readonly url: URL;
  /** Offered in this order. */
  readonly protocols: readonly string[];
  readonly userAgent: string;
  /** Ends the attempt; an open socket is not touched. */
  readonly signal: AbortSignal;
}

/** A refusal is a Status object; what is longer is somebody's web page. */
const LONGEST_REFUSAL = 65_536;

/** Larger than any message of a kubelet, which sends what it read at once: 32 KiB. */
const LONGEST_MESSAGE = 16_777_216;

/**
 * Asks for a WebSocket with the user, the TLS settings and the proxy of a connection. Rejects with what the connection
 * died of. `ws` directly: client-node's handler has no time limit, and loses what the server says when it refuses.
 */
export async function openWebSocket(kubeConfig: KubeConfig, request: UpgradeRequest): Promise<Upgrade> {
  const { WebSocket } = await import('ws');
  const options: ClientOptions = {};
  await kubeConfig.applyToHTTPSOptions(options);
  request.signal.throwIfAborted();
  const headers = { ...options.headers, 'User-Agent': request.userAgent };
  const limits = { maxPayload: LONGEST_MESSAGE, perMessageDeflate: false };
  const socket = new WebSocket(request.url, [...request.protocols], { ...options, ...limits, headers });
  return answerTo(socket, request.signal);
}

async function answerTo(socket: WebSocket, signal: AbortSignal): Promise<Upgrade> {
  const stop = (): void => socket.terminate();
  signal.addEventListener('abort', stop, { once: true });
  try {
    return await new Promise<Upgrade>((resolve, reject) => {
      socket.once('open', () => {
        socket.pause();
        resolve({ ...NO_BODY, status: 101, socket });
      });
      socket.once('unexpected-response', (_request, response) => {
        refusal(response).then(resolve, reject);
      });
      // Stays for good: an error nobody listens to ends the process.
      socket.on('error', reject);
    });
  } finally {
    signal.removeEventListener('abort', stop);
    if (socket.readyState === socket.CONNECTING) socket.terminate();
  }
}

const NO_BODY = { contentType: '', retryAfter: '', location: '', body: Buffer.alloc(0) } as const;

async function refusal(response: IncomingMessage): Promise<Upgrade> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of response) {
    if (!Buffer.isBuffer(chunk)) continue;
    chunks.push(chunk);
    length += chunk.length;
    if (length > LONGEST_REFUSAL) break;
  }
  return {
    status: response.statusCode ?? 0,
    contentType: response.headers['content-type'] ?? '',
    retryAfter: response.headers['retry-after'] ?? '',
    location: response.headers.location ?? '',
    body: Buffer.concat(chunks).subarray(0, LONGEST_REFUSAL),
    socket: null,
  };
}
