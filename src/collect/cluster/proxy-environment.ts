import { BlockList, isIP } from 'node:net';
import { ClusterError } from './cluster-error.ts';

type Variables = Readonly<Record<string, string | undefined>>;

/**
 * The proxy for an API server by HTTPS_PROXY, HTTP_PROXY and NO_PROXY with Go's meanings, which are kubectl's; null for
 * none. They differ from what is common in JavaScript: loopback is never proxied, NO_PROXY may hold CIDRs, a bare
 * domain in it counts for its subdomains too, a proxy without a scheme is http, and ALL_PROXY does not exist.
 */
export function proxyFromEnvironment(server: URL, variables: Variables): string | null {
  const host = bare(server.hostname);
  if (host === 'localhost' || isLoopback(host)) return null;
  const name = server.protocol === 'http:' ? 'HTTP_PROXY' : 'HTTPS_PROXY';
  const proxy = variable(variables, name);
  const port = server.port || (server.protocol === 'http:' ? '80' : '443');
  if (proxy === '' || exempt(host, port, variable(variables, 'NO_PROXY'))) return null;
  const url = proxy.includes('://') ? proxy : `http://${proxy}`;
  if (!URL.canParse(url)) throw new ClusterError(`invalid proxy address in $${name}`, `Mend or unset $${name}.`);
  return url;
}

function variable(variables: Variables, name: string): string {
  return variables[name] || variables[name.toLowerCase()] || '';
}

function bare(hostname: string): string {
  return hostname.replace(/^\[|\]$/g, '').toLowerCase();
}

function isLoopback(host: string): boolean {
  return (isIP(host) === 4 && host.startsWith('127.')) || host === '::1';
}

function exempt(host: string, port: string, list: string): boolean {
  return list.split(',').some((entry) => matches(host, port, entry.trim().toLowerCase()));
}

function matches(host: string, port: string, entry: string): boolean {
  if (entry === '') return false;
  if (entry === '*') return true;
  const [, network = '', bits = ''] = /^([^/]+)\/(\d+)$/.exec(entry) ?? [];
  if (network !== '') return inNetwork(host, network, Number(bits));
  const [, name = entry, only = ''] = isIP(entry) ? [] : (/^(.*):(\d+)$/.exec(entry) ?? []);
  if (only !== '' && only !== port) return false;
  const wanted = bare(name);
  if (isIP(wanted) !== 0 || isIP(host) !== 0) return wanted === host;
  const domain = wanted.replace(/^\*?\./, '');
  return host.endsWith(`.${domain}`) || (domain === wanted && host === domain);
}

function inNetwork(host: string, network: string, bits: number): boolean {
  const [family, hostFamily] = [isIP(network), isIP(host)];
  if (family === 0 || family !== hostFamily || bits > (family === 4 ? 32 : 128)) return false;
  const list = new BlockList();
  list.addSubnet(network, bits, family === 4 ? 'ipv4' : 'ipv6');
  return list.check(host, family === 4 ? 'ipv4' : 'ipv6');
}
