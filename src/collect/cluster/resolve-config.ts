import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { ClusterError } from './cluster-error.ts';
import type { ClusterEnvironment, ClusterFlags } from './flags.ts';
import { listOf, recordOf, textOf } from './json-value.ts';
import type { JsonRecord } from './json-value.ts';
import type { LoadedKubeconfig } from './kubeconfig.ts';
import { didYouMean } from './near-names.ts';

/** One server, one user, one namespace: the keys are those of a kubeconfig, with the flags laid over them. */
export interface ResolvedConfig {
  /** null in a cluster's own pod, or when only flags gave the server. */
  readonly context: string | null;
  readonly namespace: string;
  readonly clusterName: string;
  readonly cluster: JsonRecord;
  /** '' without one: requests go out anonymous. */
  readonly userName: string;
  readonly user: JsonRecord;
}

/**
 * Chooses context, cluster and user as kubectl does and lays the flags over them. In a pod, and only when nothing
 * else names a server, the pod's own service account is used.
 * @throws ClusterError for a name that is not in the kubeconfig, and when nothing names a server
 */
export async function resolveConfig(
  loaded: LoadedKubeconfig,
  flags: ClusterFlags,
  environment: ClusterEnvironment,
): Promise<ResolvedConfig> {
  const { config } = loaded;
  const contextName = given(flags.context) ?? config.currentContext;
  const context = contextName === '' ? {} : lookUp('context', contextName, config.contexts);
  const clusterName = given(flags.cluster) ?? textOf(context['cluster']);
  const userName = given(flags.user) ?? textOf(context['user']);

  const knownCluster =
    clusterName === '' || given(flags.server) !== undefined ? config.clusters.get(clusterName) : null;
  const fromFile = knownCluster === null ? lookUp('cluster', clusterName, config.clusters) : recordOf(knownCluster);
  const cluster = withClusterFlags(fromFile, flags, environment);
  if (textOf(cluster['server']) === '') {
    const pod = await inCluster(flags, environment);
    if (pod !== null) return pod;
    throw noServer(clusterName, loaded);
  }
  const knownUser = userName === '' || hasUserFlags(flags) ? recordOf(config.users.get(userName)) : null;
  return {
    context: contextName === '' ? null : contextName,
    namespace: given(flags.namespace) ?? (textOf(context['namespace']) || 'default'),
    clusterName,
    cluster,
    userName,
    user: withUserFlags(knownUser ?? lookUp('user', userName, config.users), flags, environment),
  };
}

/** An empty flag value counts as not given, as in kubectl. */
function given(flag: string | undefined): string | undefined {
  return flag === '' ? undefined : flag;
}

function lookUp(what: string, name: string, known: ReadonlyMap<string, JsonRecord>): JsonRecord {
  const found = known.get(name);
  if (found !== undefined) return found;
  const names = [...known.keys()].sort();
  throw new ClusterError(
    `${what} "${name}" does not exist in the kubeconfig${didYouMean(name, names)}`,
    names.length > 0 ? `It has: ${names.join(', ')}` : 'kubectl config view',
  );
}

function hasUserFlags(flags: ClusterFlags): boolean {
  return given(flags.token) !== undefined || given(flags.clientCertificate) !== undefined;
}

function noServer(clusterName: string, loaded: LoadedKubeconfig): ClusterError {
  if (clusterName !== '') {
    return new ClusterError(`no server found for cluster "${clusterName}"`, 'kubectl config view, or --server URL');
  }
  const files = [...loaded.read.map((path) => `${path} (names no cluster to use)`), ...loaded.missing.map(absent)];
  return new ClusterError(
    `no cluster to talk to: looked at ${[...files, 'the service account of a pod (none here)'].join(', ')}`,
    'kubectl config get-contexts, then --context NAME or --kubeconfig FILE',
  );
}

function absent(path: string): string {
  return `${path} (does not exist)`;
}

function withClusterFlags(cluster: JsonRecord, flags: ClusterFlags, environment: ClusterEnvironment): JsonRecord {
  const merged: Record<string, unknown> = { ...cluster };
  if (given(flags.server) !== undefined) merged['server'] = flags.server;
  const authority = given(flags.certificateAuthority);
  // Either flag speaks about trust as a whole: what the file says about it no longer counts.
  if (authority !== undefined || flags.insecureSkipTlsVerify === true) {
    delete merged['certificate-authority-data'];
    delete merged['certificate-authority'];
    if (authority !== undefined) merged['certificate-authority'] = resolve(environment.workingDirectory, authority);
    merged['insecure-skip-tls-verify'] = flags.insecureSkipTlsVerify === true;
  }
  // The name in the file belongs to the server in the file.
  if (given(flags.tlsServerName) !== undefined || given(flags.server) !== undefined) {
    merged['tls-server-name'] = given(flags.tlsServerName) ?? '';
  }
  return merged;
}

function withUserFlags(user: JsonRecord, flags: ClusterFlags, environment: ClusterEnvironment): JsonRecord {
  const merged: Record<string, unknown> = { ...user };
  const path = (value: string): string => resolve(environment.workingDirectory, value);
  if (given(flags.token) !== undefined) merged['token'] = flags.token;
  if (given(flags.clientCertificate) !== undefined) {
    merged['client-certificate'] = path(flags.clientCertificate ?? '');
    delete merged['client-certificate-data'];
  }
  if (given(flags.clientKey) !== undefined) {
    merged['client-key'] = path(flags.clientKey ?? '');
    delete merged['client-key-data'];
  }
  if (given(flags.as) !== undefined) merged['as'] = flags.as;
  if (given(flags.asUid) !== undefined) merged['as-uid'] = flags.asUid;
  if ((flags.asGroups ?? []).length > 0) merged['as-groups'] = flags.asGroups;
  if (flags.asUserExtra !== undefined && flags.asUserExtra.size > 0) {
    merged['as-user-extra'] = { ...recordOf(user['as-user-extra']), ...Object.fromEntries(flags.asUserExtra) };
  }
  return merged;
}

async function inCluster(flags: ClusterFlags, environment: ClusterEnvironment): Promise<ResolvedConfig | null> {
  const host = environment.variables['KUBERNETES_SERVICE_HOST'] ?? '';
  const port = environment.variables['KUBERNETES_SERVICE_PORT'] ?? '';
  const file = (name: string): string => join(environment.serviceAccountDirectory, name);
  const token = await textFile(file('token'));
  if (host === '' || port === '' || token === null) return null;
  const mounted = (await textFile(file('namespace')))?.trim();
  return {
    context: null,
    namespace: given(flags.namespace) ?? given(mounted) ?? 'default',
    clusterName: 'in-cluster',
    cluster: withClusterFlags(
      {
        server: `https://${host.includes(':') ? `[${host}]` : host}:${port}`,
        'certificate-authority': file('ca.crt'),
      },
      flags,
      environment,
    ),
    userName: 'service account',
    user: withUserFlags({ tokenFile: file('token') }, flags, environment),
  };
}

async function textFile(path: string): Promise<string | null> {
  return readFile(path, 'utf8').catch(() => null);
}

/** Impersonation as headers; one header may have several values. */
export function impersonationHeaders(user: JsonRecord): ReadonlyMap<string, string | readonly string[]> {
  const headers = new Map<string, string | readonly string[]>();
  const as = textOf(user['as']);
  const groups = listOf(user['as-groups']).map(textOf);
  const uid = textOf(user['as-uid']);
  const extra = Object.entries(recordOf(user['as-user-extra']));
  if (as === '') {
    if (groups.length === 0 && uid === '' && extra.length === 0) return headers;
    throw new ClusterError(
      'requesting uid, groups or user-extra without impersonating a user',
      'Name the user as well: --as USER',
    );
  }
  headers.set('Impersonate-User', as);
  if (uid !== '') headers.set('Impersonate-Uid', uid);
  if (groups.length > 0) headers.set('Impersonate-Group', groups);
  for (const [key, values] of extra) {
    // client-go lowers the key, as headers have no case, and escapes what a header name may not contain.
    const name = `Impersonate-Extra-${encodeURIComponent(key.toLowerCase())}`;
    headers.set(name, listOf(values).map(textOf));
  }
  return headers;
}
