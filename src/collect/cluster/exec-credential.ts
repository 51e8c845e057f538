import { spawn } from 'node:child_process';
import { ClusterError } from './cluster-error.ts';
import { at, isRecord, listOf, recordOf, textOf } from './json-value.ts';
import type { JsonRecord } from './json-value.ts';

/** What a credential plugin gave. PEM texts; null for what it did not give. */
export interface ExecCredential {
  readonly token: string | null;
  readonly certificate: string | null;
  readonly key: string | null;
  /** Milliseconds since 1970; null: valid until the server says otherwise. */
  readonly expiresAt: number | null;
}

/** Everything a run of the plugin depends on. */
export interface ExecPlugin {
  readonly apiVersion: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly variables: Readonly<Record<string, string | undefined>>;
  readonly interactive: boolean;
  readonly installHint: string;
}

const GROUP = 'client.authentication.k8s.io';
const VERSIONS = new Set([`${GROUP}/v1`, `${GROUP}/v1beta1`]);
const MAX_OUTPUT = 1_048_576;
/** A person who is asked something needs longer than a program. */
const TIME_LIMIT_MS = { interactive: 300_000, silent: 30_000 };

/** Surroundings of the plugin: the process's variables, and whether standard input is a terminal. */
export interface ExecSurroundings {
  readonly variables: Readonly<Record<string, string | undefined>>;
  readonly interactive: boolean;
}

/**
 * Reads the `exec` section of a user.
 * @throws ClusterError in kubectl's words when it is not valid
 */
export function execPlugin(
  exec: JsonRecord,
  userName: string,
  cluster: JsonRecord,
  around: ExecSurroundings,
): ExecPlugin {
  const apiVersion = textOf(exec['apiVersion']);
  const command = textOf(exec['command']);
  const needed = (what: string): ClusterError =>
    invalid(`${what} must be specified for ${userName} to use exec authentication plugin`);
  if (command === '') throw needed('command');
  if (apiVersion === '') throw needed('apiVersion');
  if (!VERSIONS.has(apiVersion)) throw invalid(`exec plugin: invalid apiVersion "${apiVersion}"`);
  const mode = textOf(exec['interactiveMode']) || (apiVersion.endsWith('/v1beta1') ? 'IfAvailable' : '');
  if (mode === '') throw needed('interactiveMode');
  const interactive = mayAsk(mode, userName, around.interactive);
  const variables: Record<string, string | undefined> = { ...around.variables };
  for (const entry of listOf(exec['env'])) variables[textOf(at(entry, 'name'))] = textOf(at(entry, 'value'));
  variables['KUBERNETES_EXEC_INFO'] = execInfo(apiVersion, interactive, exec['provideClusterInfo'] === true, cluster);
  const args = listOf(exec['args']).map(textOf);
  return { apiVersion, command, args, variables, interactive, installHint: textOf(exec['installHint']) };
}

function mayAsk(mode: string, userName: string, terminal: boolean): boolean {
  if (mode === 'Never') return false;
  if (mode === 'IfAvailable') return terminal;
  if (mode !== 'Always') throw invalid(`invalid interactiveMode for ${userName}: "${mode}"`);
  if (terminal) return true;
  throw new ClusterError(
    'Unable to connect to the server: getting credentials: exec plugin cannot support interactive mode: standard input is not a terminal',
    'Run it in a terminal, or log in there first so that the plugin need not ask.',
  );
}

function execInfo(apiVersion: string, interactive: boolean, withCluster: boolean, cluster: JsonRecord): string {
  const spec = withCluster ? { interactive, cluster: clusterInfo(cluster) } : { interactive };
  return JSON.stringify({ kind: 'ExecCredential', apiVersion, spec });
}

function clusterInfo(cluster: JsonRecord): JsonRecord {
  const info: Record<string, unknown> = {};
  for (const key of [
    'server',
    'tls-server-name',
    'insecure-skip-tls-verify',
    'certificate-authority-data',
    'proxy-url',
  ]) {
    const value = cluster[key];
    if (value !== undefined && value !== '' && value !== false) info[key] = value;
  }
  const extension = listOf(cluster['extensions']).find((entry) => at(entry, 'name') === `${GROUP}/exec`);
  if (extension !== undefined) info['config'] = recordOf(extension)['extension'] ?? null;
  return info;
}

/**
 * Runs the plugin once. What it says on stderr goes to the person as it comes.
 * @throws ClusterError in kubectl's words when it fails or answers something else
 */
export async function runExecPlugin(plugin: ExecPlugin, now: () => number = Date.now): Promise<ExecCredential> {
  const credential = readCredential(await outputOf(plugin), plugin);
  if (credential.expiresAt !== null && credential.expiresAt <= now()) {
    throw failed(plugin, `the credential it gave expired at ${new Date(credential.expiresAt).toISOString()}`);
  }
  return credential;
}

async function outputOf(plugin: ExecPlugin): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const child = spawn(plugin.command, plugin.args, {
    env: { ...plugin.variables },
    // A device code or a question must reach the person; what is not asked must not wait for an answer.
    stdio: [plugin.interactive ? 'inherit' : 'ignore', 'pipe', 'inherit'],
    timeout: plugin.interactive ? TIME_LIMIT_MS.interactive : TIME_LIMIT_MS.silent,
    windowsHide: true,
  });
  const chunks: Buffer[] = [];
  let size = 0;
  child.stdout.on('data', (chunk: Buffer) => {
    size += chunk.length;
    if (size <= MAX_OUTPUT) chunks.push(chunk);
    else child.kill();
  });
  child.on('error', (error) => reject(notStarted(plugin, error)));
  child.on('close', (code, signal) => {
    if (size > MAX_OUTPUT) reject(failed(plugin, 'it printed more than 1 MiB'));
    else if (code === 0) resolve(Buffer.concat(chunks).toString('utf8'));
    else if (signal === null) reject(failed(plugin, `failed with exit code ${code}`));
    else reject(failed(plugin, `was ended by ${signal} (it has ${timeLimit(plugin)} s)`));
  });
  return promise;
}

function timeLimit(plugin: ExecPlugin): number {
  return (plugin.interactive ? TIME_LIMIT_MS.interactive : TIME_LIMIT_MS.silent) / 1000;
}

function notStarted(plugin: ExecPlugin, error: Error): ClusterError {
  const missing = isRecord(error) && error['code'] === 'ENOENT';
  const hint =
    plugin.installHint || `Install ${plugin.command}, or mend \`exec.command\` of the user in the kubeconfig.`;
  const what = missing ? 'not found' : error.message;
  return new ClusterError(
    `Unable to connect to the server: getting credentials: exec: executable ${plugin.command} ${what}`,
    hint,
    { cause: error },
  );
}

function readCredential(output: string, plugin: ExecPlugin): ExecCredential {
  let answer: unknown;
  try {
    answer = JSON.parse(output);
  } catch {
    throw failed(plugin, 'what it printed is not JSON');
  }
  const kind = textOf(at(answer, 'kind'));
  if (kind !== 'ExecCredential') throw failed(plugin, `it printed kind "${kind}", not "ExecCredential"`);
  const version = textOf(at(answer, 'apiVersion'));
  if (version !== plugin.apiVersion) {
    throw failed(
      plugin,
      `exec plugin is configured to use API version ${plugin.apiVersion}, plugin returned version ${version}`,
    );
  }
  const status = at(answer, 'status');
  if (!isRecord(status)) throw failed(plugin, "exec plugin didn't return a status field");
  const text = (key: string): string | null => textOf(status[key]) || null;
  const [token, certificate, key] = [text('token'), text('clientCertificateData'), text('clientKeyData')];
  if (token === null && certificate === null && key === null) {
    throw failed(plugin, "exec plugin didn't return a token or cert/key pair");
  }
  if ((certificate === null) !== (key === null))
    throw failed(plugin, 'exec plugin returned only certificate or key, not both');
  const expiry = Date.parse(textOf(status['expirationTimestamp']));
  return { token, certificate, key, expiresAt: Number.isNaN(expiry) ? null : expiry };
}

function failed(plugin: ExecPlugin, what: string): ClusterError {
  // Its arguments may hold a secret: they are not repeated.
  const hint = `Run ${plugin.command} alone, as \`kubectl config view --minify\` shows it.`;
  return new ClusterError(
    `Unable to connect to the server: getting credentials: exec: executable ${plugin.command}: ${what}`,
    hint,
  );
}

function invalid(message: string): ClusterError {
  return new ClusterError(message, 'kubectl config view --minify');
}
