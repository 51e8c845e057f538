import { createHmac } from 'node:crypto';
import { readFileSync } from 'node:fs';

/** A line of known_hosts that is about the host that was asked for. */
export interface KnownHost {
  readonly marker: '@revoked' | '@cert-authority' | null;
  /** E.g. `ssh-ed25519`. */
  readonly type: string;
  readonly key: Buffer;
  /** `FILE:LINE`, for people. */
  readonly place: string;
}

/**
 * What OpenSSH's files say about a host. Files that are not there say nothing.
 * @param name as it is recorded: `host`, or `[host]:port` for a port other than 22
 */
export function lookUpKnownHosts(files: readonly string[], name: string): readonly KnownHost[] {
  return [...new Set(files)].flatMap((file) => {
    const text = readIfThere(file);
    return text === null ? [] : parseKnownHosts(text, file, name);
  });
}

/** The name of a host in known_hosts: see {@link lookUpKnownHosts}. */
export function knownHostsName(host: string, port: number): string {
  return port === 22 ? host.toLowerCase() : `[${host.toLowerCase()}]:${port}`;
}

function readIfThere(file: string): string | null {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return null;
  }
}

/** The lines of one file that are about `name`. Lines that are none are passed over, as OpenSSH does. */
export function parseKnownHosts(text: string, file: string, name: string): readonly KnownHost[] {
  return text.split('\n').flatMap((line, index) => {
    const entry = parseLine(line.trim());
    if (entry === null || !matchesHosts(entry.hosts, name)) return [];
    return [{ marker: entry.marker, type: entry.type, key: entry.key, place: `${file}:${index + 1}` }];
  });
}

interface Line {
  readonly marker: KnownHost['marker'];
  readonly hosts: string;
  readonly type: string;
  readonly key: Buffer;
}

function parseLine(line: string): Line | null {
  if (line === '' || line.startsWith('#')) return null;
  const words = line.split(/[ \t]+/);
  const marker = words[0] === '@revoked' || words[0] === '@cert-authority' ? words[0] : null;
  if (marker === null && line.startsWith('@')) return null;
  const [hosts, type, base64] = marker === null ? words : words.slice(1);
  if (hosts === undefined || type === undefined || base64 === undefined) return null;
  const key = Buffer.from(base64, 'base64');
  return keyType(key) === type ? { marker, hosts, type, key } : null;
}

/** The type a public key says it has; null for what is no key. */
export function keyType(key: Buffer): string | null {
  if (key.length < 4) return null;
  const length = key.readUInt32BE(0);
  return length > 0 && length <= 64 && key.length >= 4 + length ? key.toString('latin1', 4, 4 + length) : null;
}

/** The first field: patterns in between commas, or one hashed name. A `!` pattern that matches wins. */
function matchesHosts(hosts: string, name: string): boolean {
  if (hosts.startsWith('|')) return matchesHash(hosts, name);
  let isFound = false;
  for (const pattern of hosts.toLowerCase().split(',')) {
    const isNegated = pattern.startsWith('!');
    if (!matchesPattern(isNegated ? pattern.slice(1) : pattern, name)) continue;
    if (isNegated) return false;
    isFound = true;
  }
  return isFound;
}

function matchesHash(hosts: string, name: string): boolean {
  const [empty, version, salt, hash, more] = hosts.split('|');
  if (empty !== '' || version !== '1' || salt === undefined || hash === undefined || more !== undefined) return false;
  const computed = createHmac('sha1', Buffer.from(salt, 'base64')).update(name).digest();
  return computed.equals(Buffer.from(hash, 'base64'));
}

/** `*` and `?` as in OpenSSH's `match_pattern`; everything else is itself. Linear: a pattern cannot make it slow. */
export function matchesPattern(pattern: string, name: string): boolean {
  let at = 0;
  let inPattern = 0;
  let star = -1;
  let retryAt = 0;
  while (at < name.length) {
    const wanted = pattern[inPattern];
    if (wanted === '*') {
      star = inPattern++;
      retryAt = at;
    } else if (wanted === '?' || (wanted !== undefined && wanted === name[at])) {
      at += 1;
      inPattern += 1;
    } else if (star >= 0) {
      inPattern = star + 1;
      at = ++retryAt;
    } else {
      return false;
    }
  }
  while (pattern[inPattern] === '*') inPattern += 1;
  return inPattern === pattern.length;
}
