import { Duplex } from 'node:stream';
import type { RawData, WebSocket } from 'ws';
import { oneLine } from '../cluster/answer.ts';
import { ClusterError } from '../cluster/cluster-error.ts';
import type { ClusterConnection } from '../cluster/connection.ts';
import { pathOf, RESOURCES } from '../cluster/resources.ts';

/** A TCP port of a pod; of a pod on the host's network it is one of the node, on its loopback address. */
export interface PodPort {
  readonly namespace: string;
  readonly pod: string;
  readonly port: number;
}

/** What the kubelet says of the port, or what the connection to it died of. */
export class PortForwardError extends Error {
  override readonly name = 'PortForwardError';
}

/** One pair of channels for each port: data both ways, and errors (`pkg/kubelet` … `portforward/websocket.go`). */
const PROTOCOL = 'v4.channel.k8s.io';
const DATA = 0;
const ERRORS = 1;

/** Each channel's first message begins with the port's number, little endian. */
const PORT_BYTES = 2;

/** RFC 6455 §7.4.1: what the closing of a connection is called that was meant; 1005 is one without a reason. */
const NORMAL = new Set([1000, 1001, 1005]);

/**
 * Opens a stream to a port of a pod, through the API server and the node's kubelet. Whether anything listens there turns out
 * later: then the stream ends with a {@link PortForwardError}. Half-closing is unknown to the protocol: ending to write
 * leaves it open.
 * @throws ClusterError when the API server refuses; the signal's reason, which is heeded until the stream is open
 */
export async function openPortForward(
  connection: ClusterConnection,
  { namespace, pod, port }: PodPort,
  signal: AbortSignal,
): Promise<Duplex> {
  const path = `${pathOf(RESOURCES.pods, namespace, pod)}/portforward`;
  try {
    const query = { ports: String(port) };
    const socket = await connection.openSocket({ path, query, protocols: [PROTOCOL], signal });
    return new PortStream(socket, port);
  } catch (error) {
    throw error instanceof ClusterError && error.status === 403 ? forbidden(error, namespace) : error;
  }
}

/** An API server (seen: 1.37) that misses the right to create says only that it is forbidden. */
function forbidden(error: ClusterError, namespace: string): ClusterError {
  const needed = `port-forwards need get and create of pods/portforward in namespace "${namespace}"`;
  const tryThis = `kubectl auth can-i create pods --subresource=portforward -n ${namespace}`;
  return new ClusterError(`${error.message.replace(/:$/, '')}: ${needed}`, tryThis, { status: 403, cause: error });
}

class PortStream extends Duplex {
  readonly #socket: WebSocket;
  readonly #port: number;
  /** Channels that have named their port. */
  readonly #begun = new Set<number>();

  constructor(socket: WebSocket, port: number) {
    super({ allowHalfOpen: true });
    this.#socket = socket;
    this.#port = port;
    socket.on('message', (data) => this.#receive(bytesOf(data)));
    socket.on('error', (error) => this.destroy(new PortForwardError(error.message, { cause: error })));
    socket.on('close', (code) => this.#closed(code));
  }

  override _read(): void {
    this.#socket.resume();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    this.#socket.send(Buffer.concat([Buffer.of(DATA), chunk]), done);
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#socket.terminate();
    done(error);
  }

  #receive(message: Buffer): void {
    const [channel] = message;
    if (channel !== DATA && channel !== ERRORS) {
      this.destroy(new PortForwardError(`the kubelet sent a message on channel ${channel ?? 'none'}, which is none`));
      return;
    }
    const content = this.#begun.has(channel) ? message.subarray(1) : this.#afterPort(channel, message.subarray(1));
    if (content === null || content.length === 0) return;
    if (channel === ERRORS) this.destroy(new PortForwardError(oneLine(content.toString('utf8'))));
    else if (!this.push(content)) this.#socket.pause();
  }

  /** null: it is another port's, or none. */
  #afterPort(channel: number, content: Buffer): Buffer | null {
    const port = content.length < PORT_BYTES ? null : content.readUInt16LE(0);
    if (port !== this.#port) {
      this.destroy(new PortForwardError(`the kubelet forwards port ${port ?? 'none'} in place of ${this.#port}`));
      return null;
    }
    this.#begun.add(channel);
    return content.subarray(PORT_BYTES);
  }

  #closed(code: number): void {
    if (this.destroyed) return;
    if (NORMAL.has(code) && this.#begun.has(DATA)) this.push(null);
    else this.destroy(new PortForwardError(`the connection through the API server ended (code ${code})`));
  }
}

/** One message, however it came in. */
function bytesOf(data: RawData): Buffer {
  if (Array.isArray(data)) return Buffer.concat(data);
  return Buffer.isBuffer(data) ? data : Buffer.from(data);
}
