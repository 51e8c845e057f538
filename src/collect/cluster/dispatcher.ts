import { getCACertificates } from 'node:tls';
import type { KubeConfig, User } from '@kubernetes/client-node';
import type { CredentialSource } from './credentials.ts';
import { textOf } from './json-value.ts';
import { impersonationHeaders } from './resolve-config.ts';
import type { ResolvedConfig } from './resolve-config.ts';
import type { TlsMaterial } from './tls-material.ts';

/** Several values of one header are several header lines: groups with a comma in between would be one group. */
export type HeaderMap = Readonly<Record<string, string | string[]>>;

/** What goes out with every request of a connection. */
export async function identityHeaders(config: ResolvedConfig, credentials: CredentialSource): Promise<HeaderMap> {
  const headers: Record<string, string | string[]> = {};
  for (const [name, value] of impersonationHeaders(config.user)) {
    headers[name] = typeof value === 'string' ? value : [...value];
  }
  const { authorization } = await credentials.get();
  if (authorization !== null) headers['Authorization'] = authorization;
  return headers;
}

/**
 * client-node's own object for this connection: it makes the TLS, proxy and WebSocket connections. Only the users' part
 * of it is replaced, since its reading of `tokenFile`, `exec` and impersonation is not kubectl's.
 */
export async function clientNodeConfig(
  config: ResolvedConfig,
  server: URL,
  proxy: string | null,
  tls: TlsMaterial,
  credentials: CredentialSource,
): Promise<KubeConfig> {
  const { KubeConfig } = await import('@kubernetes/client-node/dist/config.js');
  const insecure = server.protocol === 'http:' || config.cluster['insecure-skip-tls-verify'] === true;
  const serverName = textOf(config.cluster['tls-server-name']);
  const kubeConfig = new KubeConfig();
  kubeConfig.loadFromClusterAndUser(
    {
      name: config.clusterName,
      server: server.href.replace(/\/$/, ''),
      // client-node refuses http unless told that TLS does not matter.
      skipTLSVerify: insecure,
      ...(insecure ? {} : { caData: base64(tls.authority ?? systemAuthorities()) }),
      ...(serverName === '' ? {} : { tlsServerName: serverName }),
      ...(proxy === null ? {} : { proxyUrl: proxy }),
    },
    {
      name: config.userName,
      ...(tls.certificate === null ? {} : { certData: base64(tls.certificate) }),
      ...(tls.key === null ? {} : { keyData: base64(tls.key) }),
    },
  );
  kubeConfig.addAuthenticator({
    isAuthProvider: () => true,
    applyAuthentication: (_user: User, options) => authenticate(options, config, credentials),
  });
  return kubeConfig;
}

async function authenticate(options: object, config: ResolvedConfig, credentials: CredentialSource): Promise<void> {
  const { certificate, key } = await credentials.get();
  const headers = await identityHeaders(config, credentials);
  const pair = certificate === null || key === null ? {} : { cert: certificate, key };
  Object.assign(options, pair, {
    headers: { ...('headers' in options ? recordOfHeaders(options.headers) : {}), ...headers },
  });
}

function recordOfHeaders(headers: unknown): object {
  return typeof headers === 'object' && headers !== null ? headers : {};
}

function base64(text: string): string {
  return Buffer.from(text).toString('base64');
}

/** kubectl trusts what the system trusts; node's own list is there for systems that have none. */
function systemAuthorities(): string {
  return [...new Set([...getCACertificates('default'), ...getCACertificates('system')])].join('\n');
}
