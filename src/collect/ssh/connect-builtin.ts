import type { Duplex } from 'node:stream';
import type { Client } from 'ssh2';
import type { Transport } from '../transport.ts';
import { untilStopped } from '../until-stopped.ts';
import { logIn } from './builtin-client.ts';
import { BuiltinTransport } from './builtin-transport.ts';
import { forwardFailure, stopped } from './failures.ts';
import type { HostKeyCheck } from './host-key.ts';
import type { Identities } from './identities.ts';
import { unlockFor } from './keyring.ts';
import { loginWith } from './login.ts';
import { openSocket } from './open-socket.ts';
import type { ResolvedHost } from './resolved-host.ts';
import type { SharedState } from './shared-state.ts';

/** A host of the route, with all that was found out about it before connecting. */
export interface PreparedHost {
  readonly host: ResolvedHost;
  readonly identities: Identities;
  readonly check: HostKeyCheck;
  /** The command with which a person would log in. */
  readonly byHand: string;
}

/**
 * Logs in to the last host of the route with ssh2, through the hops before it, which are logged in to once for all nodes.
 * @throws NodeReadError, or NoCommonAlgorithm
 */
export async function connectBuiltin(
  route: readonly PreparedHost[],
  shared: SharedState,
  signal: AbortSignal,
): Promise<Transport> {
  const target = route.at(-1)?.host;
  if (target === undefined) throw new TypeError('a route has a host');
  return new BuiltinTransport(placeOf(target), await logInTo(route, shared, signal));
}

async function logInTo(route: readonly PreparedHost[], shared: SharedState, signal: AbortSignal): Promise<Client> {
  const target = route.at(-1);
  if (target === undefined) throw new TypeError('a route has a host');
  const hop = await logInToHops(route.slice(0, -1), shared, signal);
  const { host, identities, check, byHand } = target;
  const server = route.map((each) => placeOf(each.host)).join(' ');
  const once = async (): Promise<Client> => {
    const onStop = (): Error => stopped(signal, placeOf(host));
    const stream =
      hop === null ? await openSocket(host, signal) : await untilStopped(openChannel(hop, host), signal, onStop);
    const login = loginWith(host, identities, unlockFor(host, shared.keyring, shared.signal));
    const handshake = async (): Promise<Client> => logIn({ host, check, login, stream, byHand, signal });
    return shared.gates.handshake(server, handshake, signal);
  };
  return shared.gates.pass(server, once, signal);
}

/** The connection to the hop before a host; null: there is none on the way. */
async function logInToHops(
  hops: readonly PreparedHost[],
  shared: SharedState,
  signal: AbortSignal,
): Promise<Client | null> {
  const last = hops.at(-1)?.host;
  if (last === undefined) return null;
  // The login belongs to all nodes: one that gives up does not end it.
  const connecting = shared.bastions.client(
    hops.map((hop) => hop.host),
    async () => logInTo(hops, shared, shared.signal),
  );
  return untilStopped(connecting, signal, () => stopped(signal, placeOf(last)));
}

/** A connection to the next host, made by the hop before it. */
async function openChannel(client: Client, host: ResolvedHost): Promise<Duplex> {
  return new Promise((resolve, reject) => {
    try {
      client.forwardOut('127.0.0.1', 0, host.hostName, host.port, (error, channel) => {
        if (error === undefined) resolve(channel);
        else reject(forwardFailure(host.hostName, host.port, error));
      });
    } catch (error) {
      reject(forwardFailure(host.hostName, host.port, error instanceof Error ? error : new Error(String(error))));
    }
  });
}

function placeOf(host: ResolvedHost): string {
  return `${host.hostName} port ${host.port}`;
}
