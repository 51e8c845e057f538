import { createConnection } from 'node:net';
import type { Server, Socket } from 'node:net';

/**
 * Serves a port that was opened in the machine's own network namespace with connections made in the lab's.
 * Where the lab refuses, the client's connection is reset: it was already accepted when that becomes known. A port that
 * has to refuse is closed.
 */
export function relay(server: Server, target: { readonly host: string; readonly port: number }): void {
  server.on('connection', (client: Socket) => {
    const inner = createConnection({ ...target, allowHalfOpen: true });
    client.setNoDelay(true);
    inner.setNoDelay(true);
    client.pipe(inner).pipe(client);
    for (const [one, other] of [
      [client, inner],
      [inner, client],
    ] as const) {
      one.on('error', () => other.resetAndDestroy());
      one.on('close', () => other.destroySoon());
    }
  });
}
