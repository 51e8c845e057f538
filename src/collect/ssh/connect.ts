import { NodeReadError, type Transport } from '../transport.ts';
import { NoCommonAlgorithm } from './builtin-client.ts';
import { connectBuiltin, type PreparedHost } from './connect-builtin.ts';
import { connectSystem } from './connect-system.ts';
import { stopped } from './failures.ts';
import { hostKeyCheck } from './host-key.ts';
import { loadIdentities } from './identities.ts';
import type { ResolvedHost } from './resolved-host.ts';
import { resolveRoute } from './route.ts';
import type { SshSettings, SshTarget } from './settings.ts';
import { forHop, sshCommandFor } from './settings.ts';

/** With these, another address of the same node may do better. A key that is recorded may be so under another name. */
export const NEXT_ADDRESS: ReadonlySet<string> = new Set(['refused', 'unreachable', 'timeout', 'host-key-unknown']);

/**
 * Logs in to a node: its addresses are tried as the host, in order.
 * @throws NodeReadError when none works; it says why the first did not
 */
export async function connectSsh(target: SshTarget, settings: SshSettings, signal: AbortSignal): Promise<Transport> {
  let first: NodeReadError | null = null;
  for (const address of target.addresses) {
    try {
      return await connectTo(address, settings, signal);
    } catch (error) {
      const failure = asFailure(error, address, signal);
      if (!NEXT_ADDRESS.has(failure.reason) || signal.aborted) throw failure;
      first ??= failure;
    }
  }
  throw first ?? noAddress(target.node);
}

async function connectTo(address: string, settings: SshSettings, signal: AbortSignal): Promise<Transport> {
  const route = await resolveRoute(address, settings, signal);
  const prepared = await Promise.all(
    route.map(async (host) => prepare(host, host === route.at(-1) ? settings : forHop(settings), signal)),
  );
  const why = prepared.map(systemReason).find((reason) => reason !== null) ?? null;
  if (why !== null) return connectSystem(route, settings, why, signal);
  try {
    return await connectBuiltin(prepared, signal);
  } catch (error) {
    if (!(error instanceof NoCommonAlgorithm)) throw error;
    return connectSystem(route, settings, error.message, signal);
  }
}

async function prepare(host: ResolvedHost, settings: SshSettings, signal: AbortSignal): Promise<PreparedHost> {
  const byHand = sshCommandFor(host.alias, settings);
  return { host, identities: await loadIdentities(host, signal), check: hostKeyCheck(host, byHand), byHand };
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
