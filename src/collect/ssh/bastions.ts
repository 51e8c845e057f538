import type { Client } from 'ssh2';
import type { ResolvedHost } from './resolved-host.ts';

/**
 * The connections to the last hop before the nodes, one for all nodes behind it: a bastion sees one login, however many
 * nodes there are. One that failed is not tried again for the next node: a login that is refused hundreds of times locks
 * people out.
 */
export class Bastions {
  readonly #clients = new Map<string, Promise<Client>>();
  #isClosed = false;

  /** @param hops the hosts on the way, as they were resolved: what differs in anything is another connection */
  async client(hops: readonly ResolvedHost[], logIn: () => Promise<Client>): Promise<Client> {
    const way = JSON.stringify(hops);
    const known = this.#clients.get(way);
    if (known !== undefined) return known;
    const connecting = logIn();
    this.#clients.set(way, connecting);
    const client = await connecting;
    client.once('close', () => this.#clients.delete(way));
    if (this.#isClosed) client.destroy();
    return client;
  }

  close(): void {
    this.#isClosed = true;
    for (const connecting of this.#clients.values()) {
      connecting.then((client) => client.end().destroy()).catch(() => undefined);
    }
  }
}
