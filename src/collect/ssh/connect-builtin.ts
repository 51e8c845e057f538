import type { Duplex } from 'node:stream';
import type { Client } from 'ssh2';
import type { Transport } from '../transport.ts';
import { logIn } from './builtin-client.ts';
import { BuiltinTransport } from './builtin-transport.ts';
import { forwardFailure, stopped } from './failures.ts';
import type { HostKeyCheck } from './host-key.ts';
import type { Identities } from './identities.ts';
import { loginWith } from './login.ts';
import { openSocket } from './open-socket.ts';
import type { ResolvedHost } from './resolved-host.ts';

/** A host of the route, with all that was found out about it before connecting. */
export interface PreparedHost {
  readonly host: ResolvedHost;
  readonly identities: Identities;
  readonly check: HostKeyCheck;
  /** The command with which a person would log in. */
  readonly byHand: string;
}

/** Logs in to each host of the route through the one before it, with ssh2. */
export async function connectBuiltin(route: readonly PreparedHost[], signal: AbortSignal): Promise<Transport> {
  const clients: Client[] = [];
  try {
    for (const { host, identities, check, byHand } of route) {
      const [before] = clients;
      const stream = before === undefined ? await openSocket(host, signal) : await forward(before, host, signal);
      const login = loginWith(host, identities);
      clients.unshift(await logIn({ host, check, login, stream, byHand, signal }));
    }
  } catch (error) {
    for (const client of clients) client.destroy();
    throw error;
  }
  const target = route.at(-1)?.host;
  return new BuiltinTransport(target === undefined ? '' : `${target.hostName} port ${target.port}`, clients);
}

/** A connection to the next host, made by the one before it. */
async function forward(client: Client, host: ResolvedHost, signal: AbortSignal): Promise<Duplex> {
  let stopListening = (): void => undefined;
  try {
    return await new Promise<Duplex>((resolve, reject) => {
      const onAbort = (): void => reject(stopped(signal, host.hostName));
      signal.addEventListener('abort', onAbort);
      stopListening = () => signal.removeEventListener('abort', onAbort);
      client.forwardOut('127.0.0.1', 0, host.hostName, host.port, (error, channel) => {
        if (error === undefined) resolve(channel);
        else reject(forwardFailure(host.hostName, host.port, error));
      });
    });
  } finally {
    stopListening();
  }
}
