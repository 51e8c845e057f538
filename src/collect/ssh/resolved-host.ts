import { existsSync } from 'node:fs';
import { homedir, userInfo } from 'node:os';
import { join } from 'node:path';

/** How to log in to one host, as OpenSSH's client would. */
export interface ResolvedHost {
  /** What was asked for. */
  readonly alias: string;
  readonly hostName: string;
  readonly port: number;
  readonly user: string;
  /** Files that exist, best first. */
  readonly identityFiles: readonly string[];
  readonly identitiesOnly: boolean;
  /** Socket (or pipe) of the agent; null: none. */
  readonly agent: string | null;
  /** Name under which the host key is recorded; null: the host's. */
  readonly hostKeyAlias: string | null;
  /** Files to look the host key up in, whether they exist or not. */
  readonly knownHostsFiles: readonly string[];
  /** Algorithms for the host key that the user allows; null: no wish. */
  readonly hostKeyAlgorithms: readonly string[] | null;
  /** Hops to go through, the first first; empty: directly. */
  readonly proxyJump: readonly string[];
  readonly connectTimeoutMs: number;
  readonly keepaliveIntervalMs: number;
  /** Source address of connections; null: any. */
  readonly bindAddress: string | null;
  /** 4 or 6; 0: both. */
  readonly family: 0 | 4 | 6;
  /** Whether a person may be asked for a passphrase: not with `BatchMode yes`. */
  readonly mayAsk: boolean;
  /** Socket of a connection that other programs share (ControlPath); null: none, or host keys are not to be checked. */
  readonly controlPath: string | null;
  /** Why only OpenSSH's own client can do it, e.g. `ProxyCommand`; null: not so. */
  readonly needsSystemSsh: string | null;
  /** Options that take back what ssh_config has and no command can run with, e.g. `SessionType=default`. */
  readonly takenBack: readonly string[];
}

export const DEFAULT_CONNECT_TIMEOUT_MS = 10_000;
const KEEPALIVE_MS = 10_000;

/** The user's home, as OpenSSH sees it: that of the password file, whatever HOME says. */
export function homeFolder(): string {
  try {
    return userInfo().homedir;
  } catch {
    return homedir();
  }
}

/** Without a client of OpenSSH: its defaults. */
export function defaultHost(alias: string): ResolvedHost {
  const folder = join(homeFolder(), '.ssh');
  const identityFiles = ['id_rsa', 'id_ecdsa', 'id_ed25519'].map((name) => join(folder, name)).filter(existsSync);
  return {
    alias,
    hostName: alias,
    port: 22,
    user: localUser(),
    identityFiles,
    identitiesOnly: false,
    agent: defaultAgent(),
    hostKeyAlias: null,
    knownHostsFiles: [join(folder, 'known_hosts'), join(folder, 'known_hosts2'), ...globalKnownHosts()],
    hostKeyAlgorithms: null,
    proxyJump: [],
    connectTimeoutMs: DEFAULT_CONNECT_TIMEOUT_MS,
    keepaliveIntervalMs: KEEPALIVE_MS,
    bindAddress: null,
    family: 0,
    mayAsk: true,
    controlPath: null,
    needsSystemSsh: null,
    takenBack: [],
  };
}

export function localUser(): string {
  try {
    return userInfo().username;
  } catch {
    return 'root';
  }
}

/** What `SSH_AUTH_SOCK` says; on Windows OpenSSH's own pipe without it. */
export function defaultAgent(): string | null {
  const socket = process.env['SSH_AUTH_SOCK'];
  if (socket !== undefined && socket !== '') return socket;
  return process.platform === 'win32' ? '\\\\.\\pipe\\openssh-ssh-agent' : null;
}

function globalKnownHosts(): readonly string[] {
  if (process.platform !== 'win32') return ['/etc/ssh/ssh_known_hosts', '/etc/ssh/ssh_known_hosts2'];
  const data = process.env['ProgramData'];
  return data === undefined ? [] : [join(data, 'ssh', 'ssh_known_hosts')];
}
