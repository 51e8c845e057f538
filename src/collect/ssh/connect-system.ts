import { commandLine, WHO_AM_I } from '../node-commands.ts';
import type { Transport } from '../transport.ts';
import { type SystemHop, writeHopConfig } from './hop-config.ts';
import type { ResolvedHost } from './resolved-host.ts';
import type { SharedState } from './shared-state.ts';
import { SystemTransport } from './system-transport.ts';

/** A host of the route, and the socket of the user's connection to it that is open; null: none. */
export interface SystemRouteHost {
  readonly host: ResolvedHost;
  readonly socket: string | null;
}

/**
 * A way over OpenSSH's own client. Logs in, or fails as a connection would.
 * @param route as it was resolved: the hops, then the host itself
 * @throws NodeReadError
 */
export async function connectSystem(
  route: readonly SystemRouteHost[],
  shared: SharedState,
  why: string,
  signal: AbortSignal,
): Promise<Transport> {
  const target = route.at(-1);
  const [first] = route;
  if (target === undefined || first === undefined) throw new TypeError('a route has a host');
  const { host, socket } = target;
  const hops: readonly SystemHop[] = route.slice(0, -1).map((hop) => ({ alias: hop.host.alias, socket: hop.socket }));
  const transport = new SystemTransport(
    {
      host: host.alias,
      settings: shared.settings,
      takenBack: host.takenBack,
      hopConfig: hops.length === 0 ? null : writeHopConfig(shared.folder, shared.settings.config, hops),
      server: firstServer(first.host),
    },
    shared,
    why,
  );
  try {
    if (socket !== null) transport.useConnection(socket);
    else if (!(await transport.openConnection(signal))) {
      await transport.run(commandLine(WHO_AM_I, { dialect: 'login', isRoot: true }), { signal });
    }
  } catch (error) {
    await transport.close();
    throw error;
  }
  return transport;
}

/** Where a ProxyCommand leads first only it knows: to one bastion for all nodes, as a rule. */
function firstServer(host: ResolvedHost): string {
  return host.needsSystemSsh === 'ProxyCommand' ? 'ProxyCommand' : `${host.hostName} port ${host.port}`;
}
