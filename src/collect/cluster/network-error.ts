import { ClusterError } from './cluster-error.ts';
import { isRecord, textOf } from './json-value.ts';

/** What Node.js or undici calls a broken connection that another attempt may mend. */
const RESETS = new Set([
  'ECONNRESET',
  'EPIPE',
  'UND_ERR_SOCKET',
  'UND_ERR_CLOSED',
  'UND_ERR_RES_CONTENT_LENGTH_MISMATCH',
  'HPE_INVALID_EOF_STATE',
]);

const UNTRUSTED = new Set([
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
]);

/** True when the connection broke, so that the same request may succeed at once. */
export function isReset(error: unknown): boolean {
  return causes(error).some(({ code, message }) => RESETS.has(code) || message === 'terminated');
}

/** A failed connection in kubectl's words. `proxy`: named when one was used, without its credentials. */
export function connectionError(error: unknown, server: URL, proxy: string | null): ClusterError {
  const chain = causes(error);
  const codes = chain.map(({ code }) => code);
  const host = hostPort(server);
  const through = proxy === null ? '' : ` (through the proxy ${withoutCredentials(proxy)})`;
  if (codes.includes('ECONNREFUSED') && proxy === null) {
    return new ClusterError(
      `The connection to the server ${host} was refused - did you specify the right host or port?`,
      'kubectl config view --minify shows the address; is the API server, a VPN or a tunnel down?',
      { cause: error },
    );
  }
  const said = chain.find(({ code }) => code !== '') ?? chain.at(-1);
  const [what, suggestion] = translate(said?.code ?? '', said?.message ?? 'no reason given', server);
  return new ClusterError(`Unable to connect to the server: ${what}${through}`, suggestion, { cause: error });
}

/** No answer in time, in kubectl's words. */
export function timeoutError(server: URL, milliseconds: number, cause: unknown): ClusterError {
  return new ClusterError(
    `Unable to connect to the server: no answer from ${hostPort(server)} within ${milliseconds / 1000} s`,
    'Is a VPN or a firewall in between? --request-timeout sets the limit.',
    { cause },
  );
}

function translate(code: string, message: string, server: URL): [what: string, suggestion: string] {
  const host = server.hostname;
  const address = 'kubectl config view --minify shows the address; is a VPN or a tunnel down?';
  const trust = 'Check certificate-authority in the kubeconfig, or --certificate-authority FILE.';
  if (code === 'ENOTFOUND') return [`dial tcp: lookup ${host}: no such host`, address];
  if (code === 'EAI_AGAIN') return [`dial tcp: lookup ${host}: temporary failure in name resolution`, address];
  if (code === 'ETIMEDOUT' || code === 'UND_ERR_CONNECT_TIMEOUT')
    return [`dial tcp ${hostPort(server)}: i/o timeout`, address];
  if (code === 'EHOSTUNREACH') return [`dial tcp ${hostPort(server)}: connect: no route to host`, address];
  if (code === 'ENETUNREACH') return [`dial tcp ${hostPort(server)}: connect: network is unreachable`, address];
  if (UNTRUSTED.has(code)) {
    return ['tls: failed to verify certificate: x509: certificate signed by unknown authority', trust];
  }
  if (code === 'CERT_HAS_EXPIRED' || code === 'CERT_NOT_YET_VALID') {
    const words = 'tls: failed to verify certificate: x509: certificate has expired or is not yet valid';
    return [words, `The server's certificate is at fault, or the clock of this machine.`];
  }
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID') {
    const words = `tls: failed to verify certificate: x509: certificate is not valid for ${host}: ${message}`;
    return [words, '--tls-server-name NAME, with a name the certificate has'];
  }
  if (code === 'ERR_SSL_WRONG_VERSION_NUMBER' || code.startsWith('HPE_') || message.includes('HTTP/1.1 protocol')) {
    return [`${hostPort(server)} does not speak ${server.protocol === 'http:' ? 'http' : 'TLS'} (${message})`, address];
  }
  return [code === '' ? message : `${message} (${code})`, address];
}

function causes(error: unknown): { code: string; message: string }[] {
  const found: { code: string; message: string }[] = [];
  let current: unknown = error;
  while (current !== undefined && current !== null && found.length < 8) {
    const record: Readonly<Record<string, unknown>> = isRecord(current) ? current : {};
    found.push({ code: textOf(record['code']), message: textOf(record['message']) || textOf(current) });
    // Several addresses of one name: what the first of them said is as good as any.
    const inner = record['errors'];
    current = Array.isArray(inner) && inner.length > 0 ? inner[0] : record['cause'];
  }
  return found;
}

function hostPort(server: URL): string {
  return server.port === '' ? `${server.hostname}:${server.protocol === 'http:' ? 80 : 443}` : server.host;
}

/** A URL that may be shown. */
export function withoutCredentials(url: string): string {
  const parsed = URL.parse(url);
  if (parsed === null) return url.replace(/\/\/[^/@]*@/, '//');
  parsed.username = '';
  parsed.password = '';
  return parsed.href.replace(/\/$/, '');
}
