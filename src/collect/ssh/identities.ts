import { readFileSync } from 'node:fs';
import type { BaseAgent, ParsedKey } from 'ssh2';
import ssh2 from 'ssh2';
import { readAgent } from './agent.ts';
import type { LockedKey } from './keyring.ts';
import { keyType } from './known-hosts.ts';
import type { ResolvedHost } from './resolved-host.ts';

/** What there is to log in with. */
export interface Identities {
  readonly agent: BaseAgent | null;
  /** Keys of the agent to offer, best first. */
  readonly agentKeys: readonly ParsedKey[];
  /** Private keys from files. */
  readonly keys: readonly FileKey[];
  /** Files with a passphrase whose key is in no agent. */
  readonly locked: readonly LockedKey[];
  /** What could not be used, in words. */
  readonly notes: readonly string[];
  /** Why only OpenSSH's own client can use what there is; null: not so. */
  readonly needsSystemSsh: string | null;
}

export interface FileKey {
  readonly file: string;
  readonly key: ParsedKey;
}

type Loaded =
  | { readonly kind: 'key'; readonly file: string; readonly key: ParsedKey; readonly publicKey: Buffer }
  | { readonly kind: 'locked'; readonly file: string; readonly text: string; readonly publicKey: Buffer | null }
  | { readonly kind: 'public'; readonly file: string; readonly publicKey: Buffer }
  | { readonly kind: 'security-key'; readonly file: string }
  | { readonly kind: 'unusable'; readonly file: string; readonly why: string };

/** Reads the key files and asks the agent for its keys. Never fails: what cannot be used is noted. */
export async function loadIdentities(host: ResolvedHost, signal: AbortSignal): Promise<Identities> {
  const files = host.identityFiles.map(loadKeyFile);
  const listed = await readAgent(host.agent, signal);
  const named = files.flatMap((file) => ('publicKey' in file && file.publicKey !== null ? [file.publicKey] : []));
  const isNamed = (key: ParsedKey): boolean => named.some((blob) => blob.equals(key.getPublicSSH()));
  const agentKeys = [
    ...listed.keys.filter(isNamed),
    ...(host.identitiesOnly ? [] : listed.keys.filter((key) => !isNamed(key))),
  ];
  const isInAgent = (blob: Buffer | null): boolean =>
    blob !== null && agentKeys.some((key) => blob.equals(key.getPublicSSH()));
  const hasSecurityKey = files.some((file) => file.kind === 'security-key');
  return {
    agent: listed.agent,
    agentKeys,
    keys: files.flatMap((file) => (file.kind === 'key' && !isInAgent(file.publicKey) ? [file] : [])),
    locked: files.flatMap((file) => (file.kind === 'locked' && !isInAgent(file.publicKey) ? [lockedKey(file)] : [])),
    notes: [
      ...(listed.problem === null ? [] : [listed.problem]),
      ...files.flatMap((file) => (file.kind === 'unusable' ? [`${file.file}: ${file.why}`] : [])),
    ],
    // With IdentitiesOnly the files decide, whatever else the agent holds.
    needsSystemSsh: hasSecurityKey ? 'security key' : host.identitiesOnly ? null : listed.unsupported,
  };
}

function loadKeyFile(file: string): Loaded {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    return { kind: 'unusable', file, why: error instanceof Error ? error.message : String(error) };
  }
  const publicPart = publicPartOfOpenSsh(text) ?? publicKeyBeside(file);
  if (text.startsWith('sk-') || isSecurityKey(publicPart)) return { kind: 'security-key', file };
  const parsed = firstKey(text);
  if (parsed instanceof Error) {
    if (/encrypted/i.test(parsed.message)) return { kind: 'locked', file, text, publicKey: publicPart };
    return { kind: 'unusable', file, why: parsed.message };
  }
  const publicKey = parsed.getPublicSSH();
  return parsed.isPrivateKey() ? { kind: 'key', file, key: parsed, publicKey } : { kind: 'public', file, publicKey };
}

function lockedKey({ file, text, publicKey }: Extract<Loaded, { kind: 'locked' }>): LockedKey {
  const parsed = publicKey === null ? null : firstKey(publicKey);
  return { file, text, publicKey: parsed instanceof Error ? null : parsed };
}

function firstKey(text: string | Buffer): ParsedKey | Error {
  const parsed = ssh2.utils.parseKey(text);
  return Array.isArray(parsed) ? (parsed[0] ?? new Error('holds no key')) : parsed;
}

function isSecurityKey(publicKey: Buffer | null): boolean {
  return publicKey !== null && keyType(publicKey)?.startsWith('sk-') === true;
}

function publicKeyBeside(file: string): Buffer | null {
  try {
    const [, base64 = ''] = readFileSync(`${file}.pub`, 'utf8').trim().split(/\s+/);
    return Buffer.from(base64, 'base64');
  } catch {
    return null;
  }
}

const OPENSSH_MAGIC = 'openssh-key-v1\0';

/** The public key in a private one of OpenSSH's format: it is readable without the passphrase. */
function publicPartOfOpenSsh(text: string): Buffer | null {
  const [, base64] = /-----BEGIN OPENSSH PRIVATE KEY-----([\s\S]*?)-----END/.exec(text) ?? [];
  const bytes = Buffer.from(base64 ?? '', 'base64');
  if (bytes.toString('latin1', 0, OPENSSH_MAGIC.length) !== OPENSSH_MAGIC) return null;
  try {
    let at = OPENSSH_MAGIC.length;
    // Cipher, key derivation, its options.
    for (let field = 0; field < 3; field++) at += 4 + bytes.readUInt32BE(at);
    at += 4;
    return bytes.subarray(at + 4, at + 4 + bytes.readUInt32BE(at));
  } catch {
    return null;
  }
}
