import { createHash } from 'node:crypto';
import type { ServerHostKeyAlgorithm } from 'ssh2';
import { NodeReadError } from '../transport.ts';
import type { KnownHost } from './known-hosts.ts';
import { keyType, knownHostsName, lookUpKnownHosts } from './known-hosts.ts';
import type { ResolvedHost } from './resolved-host.ts';

/** Signature algorithms of a host key by the key's type, best first: all that ssh2 knows, without SHA-1. */
const ALGORITHMS: Readonly<Record<string, readonly ServerHostKeyAlgorithm[]>> = {
  'ssh-ed25519': ['ssh-ed25519'],
  'ecdsa-sha2-nistp256': ['ecdsa-sha2-nistp256'],
  'ecdsa-sha2-nistp384': ['ecdsa-sha2-nistp384'],
  'ecdsa-sha2-nistp521': ['ecdsa-sha2-nistp521'],
  'ssh-rsa': ['rsa-sha2-512', 'rsa-sha2-256'],
};

/** What is recorded about a host, and what to say about the key it shows. */
export interface HostKeyCheck {
  /** Signature algorithms to offer, those of the recorded keys first. */
  readonly algorithms: readonly ServerHostKeyAlgorithm[];
  /** Only a certificate authority can vouch for the host: ssh2 has no code for that. */
  readonly needsCertificate: boolean;
  /** A key of the host, or an authority for it, is recorded: somebody has decided to trust it. */
  readonly isRecorded: boolean;
  /** Null: the key is the recorded one. */
  verify(key: Buffer): NodeReadError | null;
}

/** Reads known_hosts for a host. `byHand`: the command with which a person would log in. */
export function hostKeyCheck(host: ResolvedHost, byHand: string): HostKeyCheck {
  const name = host.hostKeyAlias?.toLowerCase() ?? knownHostsName(host.hostName, host.port);
  const known = lookUpKnownHosts(host.knownHostsFiles, name);
  // OpenSSH takes a key recorded for the host without its port, when nothing else decides.
  const isPortNamed = host.hostKeyAlias === null && host.port !== 22;
  const withoutPort = isPortNamed ? lookUpKnownHosts(host.knownHostsFiles, knownHostsName(host.hostName, 22)) : [];
  const all = [...known, ...withoutPort];
  return {
    algorithms: algorithmsFor(all, host.hostKeyAlgorithms),
    needsCertificate: all.some((entry) => entry.marker === '@cert-authority'),
    isRecorded: all.some((entry) => entry.marker !== '@revoked'),
    verify: (key) => verify(key, { name, known, withoutPort, byHand }),
  };
}

function algorithmsFor(
  known: readonly KnownHost[],
  allowed: readonly string[] | null,
): readonly ServerHostKeyAlgorithm[] {
  const usable = Object.values(ALGORITHMS)
    .flat()
    .filter((algorithm) => allowed === null || allowed.includes(algorithm));
  const types = known.filter((entry) => entry.marker === null).map((entry) => entry.type);
  const recorded = types.flatMap((type) => ALGORITHMS[type] ?? []).filter((algorithm) => usable.includes(algorithm));
  return [...new Set([...recorded, ...usable])];
}

interface Recorded {
  readonly name: string;
  readonly known: readonly KnownHost[];
  readonly withoutPort: readonly KnownHost[];
  readonly byHand: string;
}

function verify(key: Buffer, recorded: Recorded): NodeReadError | null {
  const { known, withoutPort } = recorded;
  const revoked = [...known, ...withoutPort].find((entry) => entry.marker === '@revoked' && entry.key.equals(key));
  if (revoked !== undefined) return revokedKey(key, revoked, recorded);
  const isKey = (entry: KnownHost): boolean => entry.marker === null && entry.key.equals(key);
  if (known.some(isKey)) return null;
  const type = keyType(key);
  const other = known.find((entry) => entry.marker === null && entry.type === type);
  if (other !== undefined) return changedKey(key, other, recorded);
  return withoutPort.some(isKey) ? null : unknownKey(key, recorded);
}

/** As OpenSSH prints it. */
export function fingerprint(key: Buffer): string {
  return `SHA256:${createHash('sha256').update(key).digest('base64').replace(/=+$/, '')}`;
}

/** `ED25519`, `RSA`, `ECDSA`: the words of OpenSSH's messages. */
function typeName(key: Buffer): string {
  const type = keyType(key) ?? 'unknown';
  return (type.startsWith('ecdsa-') ? 'ecdsa' : type.replace(/^ssh-/, '')).toUpperCase();
}

function unknownKey(key: Buffer, { name, byHand }: Recorded): NodeReadError {
  return new NodeReadError(
    'host-key-unknown',
    `Host key verification failed: no ${typeName(key)} host key is known for ${name}; it shows ${fingerprint(key)}`,
    `Compare the fingerprint with the node's own, and record it by logging in once: ${byHand}`,
  );
}

function changedKey(key: Buffer, other: KnownHost, { name }: Recorded): NodeReadError {
  const file = other.place.replace(/:\d+$/, '');
  return new NodeReadError(
    'host-key-changed',
    `REMOTE HOST IDENTIFICATION HAS CHANGED: the ${typeName(key)} host key of ${name} is ${fingerprint(key)}, ` +
      `${other.place} has ${fingerprint(other.key)}; nothing was sent`,
    `Reinstalled, or somebody in between? When the new key is right: ssh-keygen -f ${file} -R '${name}'`,
  );
}

function revokedKey(key: Buffer, entry: KnownHost, { name }: Recorded): NodeReadError {
  return new NodeReadError(
    'host-key-changed',
    `REVOKED HOST KEY DETECTED: the ${typeName(key)} host key ${fingerprint(key)} of ${name} is marked as revoked ` +
      `in ${entry.place}; nothing was sent`,
    'Do not log in: whoever has this key may pretend to be the node. Give the node a new host key.',
  );
}
