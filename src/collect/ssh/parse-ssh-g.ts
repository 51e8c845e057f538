import { existsSync, readdirSync } from 'node:fs';
import { isAbsolute, join } from 'node:path';
import type { ResolvedHost } from './resolved-host.ts';
import { DEFAULT_CONNECT_TIMEOUT_MS, defaultAgent, defaultHost, homeFolder, localUser } from './resolved-host.ts';

/** The settings `ssh -G` printed: values by key in lower case, in order. */
type Values = ReadonlyMap<string, readonly string[]>;

/** Understands what `ssh -G ALIAS` printed. */
export function parseSshG(alias: string, text: string): ResolvedHost {
  const values = readValues(text);
  const base = defaultHost(alias);
  const hostName = one(values, 'hostname') ?? alias;
  const user = one(values, 'user') ?? base.user;
  const port = Number(one(values, 'port') ?? base.port);
  const hostKeyAlias = one(values, 'hostkeyalias');
  const expand = (path: string): string => expandPath(path, { alias, hostName, user, port, hostKeyAlias });
  const identityFiles = [...new Set((values.get('identityfile') ?? []).map(expand))].filter((file) => existsSync(file));
  const agent = agentOf(values.get('identityagent')?.[0] ?? null, expand);
  const keepalive = Number(one(values, 'serveraliveinterval') ?? 0);
  return {
    ...base,
    hostName,
    port,
    user,
    identityFiles,
    identitiesOnly: one(values, 'identitiesonly') === 'yes',
    agent,
    hostKeyAlias,
    knownHostsFiles: [...files(values, 'userknownhostsfile'), ...files(values, 'globalknownhostsfile')].map(expand),
    hostKeyAlgorithms: one(values, 'hostkeyalgorithms')?.split(',') ?? null,
    proxyJump: (one(values, 'proxyjump') ?? '').split(',').filter((hop) => hop !== '' && hop !== 'none'),
    connectTimeoutMs: seconds(one(values, 'connecttimeout')) ?? DEFAULT_CONNECT_TIMEOUT_MS,
    keepaliveIntervalMs: keepalive > 0 ? keepalive * 1000 : base.keepaliveIntervalMs,
    bindAddress: one(values, 'bindaddress'),
    family: familyOf(one(values, 'addressfamily')),
    mayAsk: one(values, 'batchmode') !== 'yes',
    controlPath: sharedSocket(values),
    needsSystemSsh: systemSshReason(values, identityFiles, expand),
    takenBack: takenBack(values),
  };
}

function readValues(text: string): Values {
  const values = new Map<string, string[]>();
  for (const line of text.split(/\r?\n/)) {
    const [, key = '', value = ''] = /^(\S+) (.*)$/.exec(line) ?? [];
    if (key === '') continue;
    values.set(key.toLowerCase(), [...(values.get(key.toLowerCase()) ?? []), value]);
  }
  return values;
}

/** The one value of a key; null when it is not set or set to `none`. */
function one(values: Values, key: string): string | null {
  const value = values.get(key)?.[0];
  return value === undefined || value === '' || value === 'none' ? null : value;
}

function files(values: Values, key: string): readonly string[] {
  return (one(values, key) ?? '').split(/\s+/).filter((file) => file !== '');
}

function seconds(value: string | null): number | null {
  const number = Number(value ?? Number.NaN);
  return number > 0 ? number * 1000 : null;
}

function familyOf(value: string | null): 0 | 4 | 6 {
  return value === 'inet' ? 4 : value === 'inet6' ? 6 : 0;
}

function agentOf(value: string | null, expand: (path: string) => string): string | null {
  if (value === 'none') return null;
  if (value === 'SSH_AUTH_SOCK') return defaultAgent();
  if (value?.startsWith('$') === true) return process.env[value.replace(/^\$\{?(.*?)\}?$/, '$1')] ?? null;
  return value === null ? defaultAgent() : expand(value);
}

/** `ssh -G` has expanded it. Whoever trusts any host key may have opened that connection to any host. */
function sharedSocket(values: Values): string | null {
  const strictness = one(values, 'stricthostkeychecking');
  return strictness === 'no' || strictness === 'false' || strictness === 'off' ? null : one(values, 'controlpath');
}

interface Tokens {
  readonly alias: string;
  readonly hostName: string;
  readonly user: string;
  readonly port: number;
  readonly hostKeyAlias: string | null;
}

/** `~`, `${VARIABLE}` and the tokens of ssh_config(5) that a path can have. */
function expandPath(path: string, tokens: Tokens): string {
  const home = homeFolder();
  const known: Readonly<Record<string, string>> = {
    '%': '%',
    d: home,
    h: tokens.hostName,
    k: tokens.hostKeyAlias ?? tokens.alias,
    n: tokens.alias,
    p: String(tokens.port),
    r: tokens.user,
    u: localUser(),
    i: String(process.getuid?.() ?? ''),
  };
  const replaced = path
    .replaceAll(/\$\{(\w+)\}/g, (all, name: string) => process.env[name] ?? all)
    .replaceAll(/%([%dhknprui])/g, (all, letter: string) => known[letter] ?? all);
  return replaced === '~' || /^~[\\/]/.test(replaced) ? join(home, replaced.slice(1)) : replaced;
}

/** Without these a command would not be run, or its exit status be lost. */
const FOR_COMMANDS = [
  ['RemoteCommand', 'none'],
  ['SessionType', 'default'],
  ['ForkAfterAuthentication', 'no'],
] as const;

/** Only what is set otherwise: a client that does not know an option (before OpenSSH 8.7) refuses to start with it. */
function takenBack(values: Values): readonly string[] {
  return FOR_COMMANDS.flatMap(([keyword, wanted]) => {
    const value = values.get(keyword.toLowerCase())?.[0];
    return value === undefined || value === wanted ? [] : [`${keyword}=${wanted}`];
  });
}

/** What ssh2 has no code for. */
function systemSshReason(
  values: Values,
  identityFiles: readonly string[],
  expand: (path: string) => string,
): string | null {
  if (one(values, 'proxycommand') !== null) return 'ProxyCommand';
  const certificates = (values.get('certificatefile') ?? []).map(expand);
  if (certificates.some((file) => existsSync(file))) return 'CertificateFile';
  if (identityFiles.some((file) => existsSync(`${file}-cert.pub`))) return 'user certificate';
  if (one(values, 'pkcs11provider') !== null) return 'PKCS11Provider';
  if (one(values, 'knownhostscommand') !== null) return 'KnownHostsCommand';
  if (one(values, 'verifyhostkeydns') === 'yes') return 'VerifyHostKeyDNS';
  if (one(values, 'gssapiauthentication') === 'yes' && hasKerberosTicket()) return 'GSSAPIAuthentication';
  return null;
}

/** Distributions turn GSSAPI on for everybody: it is in use only where a ticket is. */
function hasKerberosTicket(): boolean {
  const cache = process.env['KRB5CCNAME'];
  if (cache !== undefined && cache !== '') {
    const file = cache.replace(/^FILE:/, '');
    return !isAbsolute(file) || existsSync(file);
  }
  const uid = process.getuid?.();
  if (uid === undefined) return false;
  try {
    return readdirSync('/tmp').some((name) => name === `krb5cc_${uid}` || name.startsWith(`krb5cc_${uid}_`));
  } catch {
    return false;
  }
}
