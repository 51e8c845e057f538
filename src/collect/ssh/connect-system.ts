import { commandLine, WHO_AM_I } from '../node-commands.ts';
import { NodeReadError, type Transport } from '../transport.ts';
import { writeHopConfig } from './hop-config.ts';
import { KeyAgent } from './key-agent.ts';
import type { LockedKey } from './keyring.ts';
import { unlockFor } from './keyring.ts';
import type { ResolvedHost } from './resolved-host.ts';
import { socketPath } from './shared-connection.ts';
import type { SharedState } from './shared-state.ts';
import { SystemTransport } from './system-transport.ts';

/** A host of the route, with what there is for it. */
export interface SystemRouteHost {
  readonly host: ResolvedHost;
  /** Of the user's connection to it that is open; null: none. */
  readonly socket: string | null;
  /** Keys with a passphrase that are in no agent. */
  readonly locked: readonly LockedKey[];
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
  /** Why a key stayed locked, by its file. */
  const whyLocked = new Map<string, string>();
  const agents = await Promise.all(route.map(async (each) => agentFor(each, shared, whyLocked)));
  const hops = route.slice(0, -1).map((hop, index) => ({
    alias: hop.host.alias,
    socket: hop.socket,
    agent: agents[index]?.socket ?? null,
  }));
  const transport = new SystemTransport(
    {
      host: host.alias,
      settings: shared.settings,
      takenBack: host.takenBack,
      hopConfig: hops.length === 0 ? null : writeHopConfig(shared.folder, shared.settings.config, hops),
      agent: agents.at(-1)?.socket ?? null,
      release: () => agents.forEach((agent) => agent?.close()),
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
    throw withReasons(error, whyLocked);
  }
  return transport;
}

interface AgentSocket {
  readonly socket: string;
  close(): void;
}

/** An agent that asks for the passphrases; null: there is nothing to ask for, or no way to do it. */
async function agentFor(
  { host, locked }: SystemRouteHost,
  shared: SharedState,
  whyLocked: Map<string, string>,
): Promise<AgentSocket | null> {
  const keys = locked.filter(({ publicKey }) => publicKey !== null);
  const socket = keys.length === 0 ? null : socketPath(shared.folder, '.a');
  if (socket === null) return null;
  const unlock = unlockFor(host, shared.keyring, shared.signal);
  const agent = await KeyAgent.open(socket, host.agent, keys, async (key) => {
    const unlocked = await unlock(key);
    if (unlocked.key === null) whyLocked.set(key.file, unlocked.why);
    return unlocked;
  });
  return { socket, close: () => agent.close() };
}

/** ssh does not know why our agent did not sign. */
function withReasons(error: unknown, whyLocked: ReadonlyMap<string, string>): unknown {
  const [file] = whyLocked.keys();
  if (!(error instanceof NodeReadError) || error.reason !== 'authentication' || file === undefined) return error;
  const message = [error.message, ...whyLocked.values()].join('; ');
  return new NodeReadError(error.reason, message, `ssh-add ${file}`, { cause: error });
}

/** Where a ProxyCommand leads first only it knows: to one bastion for all nodes, as a rule. */
function firstServer(host: ResolvedHost): string {
  return host.needsSystemSsh === 'ProxyCommand' ? 'ProxyCommand' : `${host.hostName} port ${host.port}`;
}
