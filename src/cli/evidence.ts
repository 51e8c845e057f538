import type { ClusterConnection } from '../collect/cluster/index.ts';
import type { ProgressEvent } from '../collect/collect.ts';
import type { Snapshot } from '../model/snapshot.ts';
import { VERSION } from '../version.ts';
import { CliError } from './errors.ts';
import { Progress } from './progress.ts';
import type { Session } from './session.ts';
import { withoutUndefined } from './without-undefined.ts';

/** Values of the flags of `flags.ts` that say where evidence comes from. */
export interface EvidenceFlags {
  readonly from?: string | undefined;
  readonly kubeconfig?: string | undefined;
  readonly context?: string | undefined;
  readonly cluster?: string | undefined;
  readonly user?: string | undefined;
  readonly server?: string | undefined;
  readonly token?: string | undefined;
  readonly 'certificate-authority'?: string | undefined;
  readonly 'client-certificate'?: string | undefined;
  readonly 'client-key'?: string | undefined;
  readonly 'insecure-skip-tls-verify'?: boolean | undefined;
  readonly 'tls-server-name'?: string | undefined;
  readonly as?: string | undefined;
  readonly 'as-group'?: readonly string[] | undefined;
  readonly 'as-uid'?: string | undefined;
  readonly 'as-user-extra'?: readonly string[] | undefined;
  readonly 'request-timeout'?: number | undefined;
  readonly namespace?: string | undefined;
  readonly 'all-namespaces'?: boolean | undefined;
  readonly selector?: string | undefined;
  readonly node?: readonly string[] | undefined;
  readonly via?: string | undefined;
  readonly yes?: boolean | undefined;
  readonly 'debug-namespace'?: string | undefined;
  readonly 'debug-image'?: string | undefined;
  readonly 'image-pull-secret'?: string | undefined;
  readonly privileged?: boolean | undefined;
  readonly 'chroot-host'?: boolean | undefined;
  readonly 'ssh-user'?: string | undefined;
  readonly 'ssh-key'?: readonly string[] | undefined;
  readonly 'ssh-port'?: number | undefined;
  readonly 'ssh-config'?: string | undefined;
  readonly 'node-address'?: string | undefined;
  readonly 'node-timeout'?: number | undefined;
  readonly concurrency?: number | undefined;
  readonly quiet?: boolean | undefined;
}

export interface Evidence {
  readonly snapshot: Snapshot;
  /** The namespace that is meant; null: all. */
  readonly namespace: string | null;
}

export const DEFAULT_NODE_TIMEOUT_MS = 30_000;
export const DEFAULT_CONCURRENCY = 8;

/** Milliseconds to wait between cluster and nodes, see `LiveRequest`. */
export type Pause = (cluster: Snapshot['cluster']) => number;

/** Reads a snapshot, or the live cluster: after this nobody can tell which. */
export async function gather(
  flags: EvidenceFlags,
  names: readonly string[],
  session: Session,
  pauseMs: Pause = () => 0,
): Promise<Evidence> {
  requireScope(flags, names);
  return flags.from === undefined ? gatherLive(flags, names, session, pauseMs) : gatherSaved(flags, flags.from);
}

/** @throws CliError for names across all namespaces */
export function requireScope(flags: EvidenceFlags, names: readonly string[]): void {
  if (flags['all-namespaces'] !== true || names.length === 0) return;
  throw new CliError(
    'a Service cannot be named across all namespaces',
    'Name the namespace with -n, or leave out the name.',
  );
}

async function gatherSaved(flags: EvidenceFlags, from: string): Promise<Evidence> {
  const { readSnapshot } = await import('../collect/snapshot-dir/index.ts');
  const { snapshot } = await readSnapshot(from);
  return {
    snapshot,
    namespace:
      flags['all-namespaces'] === true ? null : (flags.namespace ?? snapshot.manifest?.scope.namespace ?? 'default'),
  };
}

async function gatherLive(
  flags: EvidenceFlags,
  names: readonly string[],
  session: Session,
  pauseMs: Pause,
): Promise<Evidence> {
  const { collectLive } = await import('../collect/collect.ts');
  const { waysOf } = await import('./ways.ts');
  const nodeTimeoutMs = flags['node-timeout'] ?? DEFAULT_NODE_TIMEOUT_MS;
  const connection = await connectFor(flags);
  const progress = new Progress(process.stderr, flags.quiet !== true && process.stderr.isTTY);
  const { questions } = await import('../collect/questions.ts');
  const stopHolding = questions.subscribe((isOpen) => progress.hold(isOpen));
  try {
    const namespace = flags['all-namespaces'] === true ? null : (flags.namespace ?? connection.namespace);
    const snapshot = await collectLive({
      connection,
      read: { namespace, names: names.length === 0 ? null : names, selector: flags.selector ?? null },
      ways: (reading) => waysOf({ flags, connection, reading, nodeTimeoutMs, session }),
      nodes: flags.node ?? null,
      nodeTimeoutMs,
      concurrency: flags.concurrency ?? DEFAULT_CONCURRENCY,
      pauseMs,
      signal: session.signal,
      toolVersion: VERSION,
      progress: (event: ProgressEvent) => progress.show(event),
      now: () => new Date(),
    });
    // A run that was stopped has no result: what was read until then would look like all there is.
    session.signal.throwIfAborted();
    return { snapshot, namespace };
  } finally {
    stopHolding();
    progress.end();
    await connection.close();
  }
}

/** The cluster the flags name. @throws ClusterError when the configuration cannot be used */
export async function connectFor(flags: EvidenceFlags): Promise<ClusterConnection> {
  const { connectCluster, processEnvironment } = await import('../collect/cluster/index.ts');
  return connectCluster(
    clusterFlagsOf(flags),
    processEnvironment((line) => process.stderr.write(`${line}\n`)),
  );
}

function clusterFlagsOf(flags: EvidenceFlags) {
  return withoutUndefined({
    kubeconfig: flags.kubeconfig,
    context: flags.context,
    cluster: flags.cluster,
    user: flags.user,
    server: flags.server,
    token: flags.token,
    certificateAuthority: flags['certificate-authority'],
    clientCertificate: flags['client-certificate'],
    clientKey: flags['client-key'],
    insecureSkipTlsVerify: flags['insecure-skip-tls-verify'],
    tlsServerName: flags['tls-server-name'],
    as: flags.as,
    asGroups: flags['as-group'],
    asUid: flags['as-uid'],
    asUserExtra: extraOf(flags['as-user-extra']),
    requestTimeout: flags['request-timeout'],
  });
}

function extraOf(pairs: readonly string[] | undefined): ReadonlyMap<string, readonly string[]> | undefined {
  if (pairs === undefined) return undefined;
  const extra = new Map<string, string[]>();
  for (const pair of pairs) {
    const equals = pair.indexOf('=');
    if (equals < 1) throw new CliError(`--as-user-extra "${pair}" has no key`, 'Write --as-user-extra KEY=VALUE');
    const key = pair.slice(0, equals);
    extra.set(key, [...(extra.get(key) ?? []), pair.slice(equals + 1)]);
  }
  return extra;
}
