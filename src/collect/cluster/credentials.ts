import { readFile } from 'node:fs/promises';
import type { OpenIDConnectAuth } from '@kubernetes/client-node/dist/oidc_auth.js';
import { ClusterError } from './cluster-error.ts';
import { execPlugin, runExecPlugin } from './exec-credential.ts';
import type { ExecCredential, ExecPlugin } from './exec-credential.ts';
import type { ClusterEnvironment } from './flags.ts';
import { isRecord, recordOf, textOf } from './json-value.ts';
import type { JsonRecord } from './json-value.ts';
import { checkPluginPolicy } from './plugin-policy.ts';
import type { ResolvedConfig } from './resolve-config.ts';

/** What a request says about who sends it. */
export interface Credential {
  /** Value of the Authorization header, null for none. */
  readonly authorization: string | null;
  /** PEM texts of a credential plugin; those of the kubeconfig itself are not in here. */
  readonly certificate: string | null;
  readonly key: string | null;
}

/** Where credentials come from. Asked before every request, so it answers from memory when it can. */
export interface CredentialSource {
  get(): Promise<Credential>;
  /** The server refused this one with 401: get another. False when there is no other to be had. */
  renew(refused: Credential): Promise<boolean>;
}

const ANONYMOUS: Credential = { authorization: null, certificate: null, key: null };

/** client-go reads a token file again after a minute. */
const TOKEN_FILE_AGE_MS = 60_000;

/**
 * The source for a user of a kubeconfig, with kubectl's precedence: token file, token, password, `exec`, `auth-provider`. Over
 * plain http nothing is sent, as kubectl does.
 * @throws ClusterError when the user's section is not valid
 */
export async function credentialSource(
  config: ResolvedConfig,
  environment: ClusterEnvironment,
): Promise<CredentialSource> {
  const { user, userName } = config;
  const [token, username, tokenFile] = [textOf(user['token']), textOf(user['username']), textOf(user['tokenFile'])];
  if (token !== '' && username !== '') {
    throw new ClusterError(
      `more than one authentication method found for ${userName}; found [token basicAuth], only one is allowed`,
      'kubectl config view --minify',
    );
  }
  if (textOf(config.cluster['server']).startsWith('http://')) return fixed(ANONYMOUS);
  if (tokenFile !== '') return openTokenFile(tokenFile, token);
  if (token !== '') return fixed(bearer(token));
  if (username !== '') {
    const pair = Buffer.from(`${username}:${textOf(user['password'])}`).toString('base64');
    return fixed({ ...ANONYMOUS, authorization: `Basic ${pair}` });
  }
  if (isRecord(user['exec'])) {
    const plugin = execPlugin(user['exec'], userName, config.cluster, environment);
    await checkPluginPolicy(plugin.command, environment);
    return new ExecSource(plugin);
  }
  if (isRecord(user['auth-provider'])) return authProvider(user['auth-provider'], userName, environment);
  return fixed(ANONYMOUS);
}

function bearer(token: string): Credential {
  return { ...ANONYMOUS, authorization: `Bearer ${token}` };
}

function fixed(credential: Credential): CredentialSource {
  return { get: async () => credential, renew: async () => false };
}

async function openTokenFile(path: string, fallback: string): Promise<CredentialSource> {
  const source = new TokenFileSource(path, fallback);
  await source.get();
  return source;
}

class TokenFileSource implements CredentialSource {
  readonly #path: string;
  readonly #fallback: string;
  #last: { readonly credential: Credential; readonly readAt: number } | null = null;

  constructor(path: string, fallback: string) {
    this.#path = path;
    this.#fallback = fallback;
  }

  async get(): Promise<Credential> {
    if (this.#last !== null && performance.now() - this.#last.readAt < TOKEN_FILE_AGE_MS) return this.#last.credential;
    const credential = bearer(await this.#read());
    this.#last = { credential, readAt: performance.now() };
    return credential;
  }

  async renew(refused: Credential): Promise<boolean> {
    this.#last = null;
    return (await this.get()).authorization !== refused.authorization;
  }

  async #read(): Promise<string> {
    try {
      const token = (await readFile(this.#path, 'utf8')).trim();
      if (token !== '') return token;
    } catch (error) {
      if (this.#fallback === '') {
        const why = error instanceof Error ? error.message : String(error);
        throw new ClusterError(`unable to read the token file: ${why}`, `ls -l ${this.#path}`, { cause: error });
      }
    }
    if (this.#fallback !== '') return this.#fallback;
    throw new ClusterError(`read empty token from file "${this.#path}"`, `ls -l ${this.#path}`);
  }
}

/** Runs the plugin at most once at a time, and again only when its credential expired or was refused. */
class ExecSource implements CredentialSource {
  readonly #plugin: ExecPlugin;
  #run: Promise<ExecCredential & Credential> | null = null;

  constructor(plugin: ExecPlugin) {
    this.#plugin = plugin;
  }

  async get(): Promise<Credential> {
    this.#run ??= this.#start();
    const run = this.#run;
    const credential = await run;
    if (credential.expiresAt === null || credential.expiresAt > Date.now()) return credential;
    // Several requests may find it expired at once: only the first starts the plugin.
    if (this.#run === run) this.#run = null;
    return this.get();
  }

  async renew(refused: Credential): Promise<boolean> {
    if (this.#run !== null && (await this.#run) === refused) this.#run = null;
    await this.get();
    return true;
  }

  async #start(): Promise<ExecCredential & Credential> {
    const given = await runExecPlugin(this.#plugin);
    return { ...given, authorization: given.token === null ? null : `Bearer ${given.token}` };
  }
}

function authProvider(provider: JsonRecord, userName: string, environment: ClusterEnvironment): CredentialSource {
  const name = textOf(provider['name']);
  if (name === 'oidc') return oidcSource(provider, userName, environment);
  const plugin = { gcp: 'gke-gcloud-auth-plugin', azure: 'kubelogin' }[name];
  if (plugin === undefined) {
    throw new ClusterError(`no Auth Provider found for name "${name}"`, 'kubectl config view --minify');
  }
  throw new ClusterError(
    `The ${name} auth plugin has been removed. Please use the "${plugin}" kubectl/client-go credential plugin instead.`,
    `Install ${plugin} and get the kubeconfig anew.`,
  );
}

/** client-node refreshes the token but cannot write a new refresh token back into the kubeconfig. */
function oidcSource(provider: JsonRecord, userName: string, environment: ClusterEnvironment): CredentialSource {
  const user = { name: userName, authProvider: { ...provider, config: { ...recordOf(provider['config']) } } };
  const load = async (): Promise<OpenIDConnectAuth> => {
    const client = await import('@kubernetes/client-node/dist/oidc_auth.js');
    environment.warn(
      `the oidc token of "${userName}" is not saved if it is refreshed: log in again if kubectl asks for it`,
    );
    return new client.OpenIDConnectAuth();
  };
  let loading: Promise<OpenIDConnectAuth> | null = null;
  const get = async (): Promise<Credential> => {
    loading ??= load();
    const options: { headers: Record<string, string> } = { headers: {} };
    try {
      await (await loading).applyAuthentication(user, options);
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      throw new ClusterError(
        `Unable to connect to the server: getting credentials: oidc: ${why}`,
        'Log in to the cluster again.',
        { cause: error },
      );
    }
    return { ...ANONYMOUS, authorization: options.headers['Authorization'] ?? null };
  };
  return { get, renew: async () => false };
}
