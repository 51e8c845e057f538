import { connect, createServer, type Server, type Socket } from 'node:net';
import type { LockedKey, Unlock } from './keyring.ts';
import {
  FAILURE,
  framed,
  Messages,
  parseSignRequest,
  REQUEST_IDENTITIES,
  SIGN_REQUEST,
  signResponse,
  withIdentities,
} from './agent-messages.ts';

/** As OpenSSH: more is no message of an agent. */
const LIMIT = 256 * 1024;

/**
 * An agent for OpenSSH's own client, which asks nobody: it has the user's keys that a passphrase opens, and asks for it when
 * a signature is wanted. All else goes on to the user's own agent.
 */
export class KeyAgent {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #upstream: string | null;
  readonly #keys: readonly LockedKey[];
  readonly #unlock: Unlock;

  /**
   * @param socket where to listen; only this user may get there
   * @param upstream socket of the user's own agent; null: none
   */
  static async open(
    socket: string,
    upstream: string | null,
    keys: readonly LockedKey[],
    unlock: Unlock,
  ): Promise<KeyAgent> {
    const agent = new KeyAgent(upstream, keys, unlock);
    await new Promise<void>((resolve, reject) => {
      agent.#server.once('error', reject);
      agent.#server.listen(socket, resolve);
    });
    return agent;
  }

  private constructor(upstream: string | null, keys: readonly LockedKey[], unlock: Unlock) {
    this.#upstream = upstream;
    this.#keys = keys;
    this.#unlock = unlock;
    this.#server = createServer((client) => this.#serve(client));
  }

  close(): void {
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
  }

  #serve(client: Socket): void {
    const upstream = this.#upstream === null ? null : new Upstream(this.#upstream);
    this.#sockets.add(client);
    client.on('error', () => client.destroy());
    client.on('close', () => {
      this.#sockets.delete(client);
      upstream?.close();
    });
    const messages = new Messages(LIMIT);
    let turn = Promise.resolve();
    client.on('data', (bytes: Buffer) => {
      try {
        for (const message of messages.add(bytes)) {
          turn = turn.then(async () => {
            client.write(framed(await this.#answer(message, upstream)));
          });
        }
      } catch {
        client.destroy();
      }
    });
  }

  async #answer(message: Buffer, upstream: Upstream | null): Promise<Buffer> {
    try {
      if (message[0] === SIGN_REQUEST) {
        const request = parseSignRequest(message);
        const locked = this.#keys.find(({ publicKey }) => publicKey?.getPublicSSH().equals(request.publicKey) === true);
        if (locked !== undefined) {
          const { key } = await this.#unlock(locked);
          return key === null ? FAILURE : signResponse(key, request);
        }
      }
      const answer = upstream === null ? null : await upstream.ask(message).catch(() => null);
      return message[0] === REQUEST_IDENTITIES ? withIdentities(answer, this.#identities()) : (answer ?? FAILURE);
    } catch {
      return FAILURE;
    }
  }

  #identities(): readonly { key: Buffer; comment: string }[] {
    return this.#keys.flatMap(({ file, publicKey }) =>
      publicKey === null ? [] : [{ key: publicKey.getPublicSSH(), comment: file }],
    );
  }
}

/** A connection to the user's own agent: one for each that comes to us, as the agent may bind what it does to it. */
class Upstream {
  readonly #socket: Socket;
  readonly #messages = new Messages(LIMIT);
  #waiting: { readonly resolve: (answer: Buffer) => void; readonly reject: (error: Error) => void } | null = null;
  #error: Error | null = null;

  constructor(path: string) {
    this.#socket = connect({ path });
    const fail = (error: Error): void => {
      this.#error ??= error;
      this.#waiting?.reject(error);
      this.#socket.destroy();
    };
    this.#socket.on('error', fail);
    this.#socket.on('close', () => fail(new Error('the agent closed the connection')));
    this.#socket.on('data', (bytes: Buffer) => {
      try {
        for (const answer of this.#messages.add(bytes)) this.#waiting?.resolve(answer);
      } catch (error) {
        fail(error instanceof Error ? error : new Error(String(error)));
      }
    });
  }

  async ask(message: Buffer): Promise<Buffer> {
    if (this.#error !== null) throw this.#error;
    const answer = new Promise<Buffer>((resolve, reject) => {
      this.#waiting = { resolve, reject };
    });
    this.#socket.write(framed(message));
    return answer;
  }

  close(): void {
    this.#socket.destroy();
  }
}
