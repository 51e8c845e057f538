import { NodeReadError, type Transport } from '../transport.ts';
import { Bastions } from './bastions.ts';
import { NoCommonAlgorithm } from './builtin-client.ts';
import { connectBuiltin, type PreparedHost } from './connect-builtin.ts';
import { connectSystem, type SystemRouteHost } from './connect-system.ts';
import { ConnectionKeeper } from './connection-keeper.ts';
import { stopped } from './failures.ts';
import { hostKeyCheck } from './host-key.ts';
import { loadIdentities } from './identities.ts';
import { keyring, type Keyring } from './keyring.ts';
import { LoginGates } from './login-gate.ts';
import type { ResolvedHost } from './resolved-host.ts';
import { resolveRoute } from './route.ts';
import type { SshSettings, SshTarget } from './settings.ts';
import { forHop, sshCommandFor } from './settings.ts';
import { isSharedNow } from './shared-connection.ts';
import type { SharedState } from './shared-state.ts';
import { SaidNothing } from './system-failure.ts';
import { TemporaryFolder } from './temporary-folder.ts';

/** With these, another address of the same node may do better. A key that is recorded may be so under another name. */
export const NEXT_ADDRESS: ReadonlySet<string> = new Set(['refused', 'unreachable', 'timeout', 'host-key-unknown']);

/** Logins to the nodes of one run. */
export class SshLogins {
  readonly #stop = new AbortController();
  readonly #shared: SharedState;
  #keeper: ConnectionKeeper | null = null;

  constructor(settings: SshSettings, keys: Keyring = keyring) {
    const folder = new TemporaryFolder();
    this.#shared = {
      settings,
      gates: new LoginGates(),
      bastions: new Bastions(),
      keyring: keys,
      folder,
      keepConnections: () => {
        this.#keeper ??= new ConnectionKeeper(folder.path());
      },
      signal: this.#stop.signal,
    };
  }

  /**
   * Logs in to a node: its addresses are tried as the host, in order.
   * @throws NodeReadError when none works; it says why the first did not
   */
  async connect(target: SshTarget, signal: AbortSignal): Promise<Transport> {
    let first: NodeReadError | null = null;
    for (const address of target.addresses) {
      try {
        return await connectTo(address, this.#shared, signal);
      } catch (error) {
        const failure = asFailure(error, address, signal);
        if (!NEXT_ADDRESS.has(failure.reason) || signal.aborted) throw failure;
        first ??= failure;
      }
    }
    throw first ?? noAddress(target.node);
  }

  /** Ends what is shared, when no transport is needed any more; never rejects. */
  async close(): Promise<void> {
    this.#stop.abort();
    this.#shared.bastions.close();
    await this.#keeper?.end();
    this.#shared.folder.remove();
  }
}

async function connectTo(address: string, shared: SharedState, signal: AbortSignal): Promise<Transport> {
  const { settings } = shared;
  const route = await resolveRoute(address, settings, signal);
  const prepared = await Promise.all(
    route.map(async (host) => prepare(host, host === route.at(-1) ? settings : forHop(settings), signal)),
  );
  const systemRoute = await Promise.all(prepared.map(async (host) => withSocket(host, signal)));
  const isShared = systemRoute.some(({ socket }) => socket !== null);
  const why = prepared.map(systemReason).find((reason) => reason !== null) ?? (isShared ? 'ControlPath' : null);
  if (why !== null) return connectSystem(systemRoute, shared, why, signal);
  try {
    return await connectBuiltin(prepared, shared, signal);
  } catch (error) {
    if (!(error instanceof NoCommonAlgorithm)) throw error;
    return connectSystem(systemRoute, shared, error.message, signal).catch((again: unknown) => {
      throw again instanceof SaidNothing ? nothingInCommon(address, error, settings) : again;
    });
  }
}

function nothingInCommon(address: string, error: NoCommonAlgorithm, settings: SshSettings): NodeReadError {
  const words = `${address}: ${error.message}: neither ssh2 nor the system ssh has one in common with the server`;
  const verbose = sshCommandFor(address, settings).replace(/^ssh/, 'ssh -v');
  const tryThis = `See what it offers: ${verbose}; allow it in ssh_config (KexAlgorithms, HostKeyAlgorithms, Ciphers).`;
  return new NodeReadError('configuration', words, tryThis);
}

async function prepare(host: ResolvedHost, settings: SshSettings, signal: AbortSignal): Promise<PreparedHost> {
  const byHand = sshCommandFor(host.alias, settings);
  return { host, identities: await loadIdentities(host, signal), check: hostKeyCheck(host, byHand), byHand };
}

/**
 * A connection that the user's own `ssh` shares is used, as `ssh` would: but only to a host whose key somebody has recorded.
 * One that was opened without a look at the key is not.
 */
async function withSocket({ host, check, identities }: PreparedHost, signal: AbortSignal): Promise<SystemRouteHost> {
  const isUsable = check.isRecorded && (await isSharedNow(host, signal));
  return { host, socket: isUsable ? host.controlPath : null, locked: identities.locked };
}

function systemReason({ host, identities, check }: PreparedHost): string | null {
  return (
    host.needsSystemSsh ??
    identities.needsSystemSsh ??
    (check.needsCertificate ? '@cert-authority in known_hosts' : null)
  );
}

function asFailure(error: unknown, address: string, signal: AbortSignal): NodeReadError {
  if (error instanceof NodeReadError) return error;
  if (signal.aborted) return stopped(signal, address);
  const message = error instanceof Error ? error.message : String(error);
  const tryThis = 'This is a defect of kubectl-svcdoctor: please report it.';
  return new NodeReadError('internal', `${address}: ${message}`, tryThis, { cause: error });
}

function noAddress(node: string): NodeReadError {
  return new NodeReadError(
    'no-address',
    `node ${node} has no address of the type wanted`,
    'Choose another one: --node-address Hostname, or NodeName for a Host entry of ssh_config.',
  );
}
