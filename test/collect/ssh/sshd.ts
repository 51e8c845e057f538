import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { afterAll, describe } from 'vitest';

const SSHD = '/usr/sbin/sshd';

/** Why no server can be started here; null: one can. */
export const sshdProblem =
  process.platform !== 'linux'
    ? 'not on Linux'
    : !existsSync(SSHD)
      ? `there is no ${SSHD}`
      : process.getuid?.() !== 0
        ? 'only root can start sshd'
        : null;

if (sshdProblem !== null) complain('tests with sshd', sshdProblem);

/** Whether programs are missing; said aloud, a failure in CI. */
export function areMissing(...programs: readonly string[]): boolean {
  const missing = programs.filter((program) => !existsSync(program));
  if (missing.length > 0) complain('some tests', `there is no ${missing.join(', ')}`);
  return missing.length > 0;
}

function complain(what: string, why: string): void {
  if (process.env['CI'] !== undefined) throw new Error(`${what} cannot run: ${why}`);
  console.warn(`${what} are skipped: ${why}`);
}

/** Tests that need a real sshd: skipped aloud where there is none, a failure in CI. */
export function describeWithSshd(name: string, body: () => void): void {
  // eslint-disable-next-line vitest/valid-title -- the caller's title
  describe.skipIf(sshdProblem !== null)(name, () => (sshdProblem === null ? body() : undefined));
}

/** A folder for the tests of one file, and the processes they started. All is gone after the last test. */
export class SshLab {
  readonly folder = mkdtempSync(join(tmpdir(), 'ssh-'));
  readonly #children: ChildProcess[] = [];
  #names = 0;

  constructor() {
    afterAll(async () => this.stop());
  }

  path(name: string): string {
    return join(this.folder, name);
  }

  /** A new name for a file. */
  newPath(name: string): string {
    return this.path(`${++this.#names}-${name}`);
  }

  write(name: string, text: string): string {
    const path = this.newPath(name);
    writeFileSync(path, text, { mode: 0o600 });
    return path;
  }

  /** Makes a key; the path of the private one. */
  key(type: 'ed25519' | 'rsa' | 'ecdsa' = 'ed25519', passphrase = ''): string {
    const path = this.newPath(`id_${type}`);
    execFileSync('ssh-keygen', ['-q', '-t', type, '-N', passphrase, '-C', 'test', '-f', path]);
    return path;
  }

  start(program: string, argv: readonly string[], env: Readonly<Record<string, string>> = {}): ChildProcess {
    const child = spawn(program, argv, { stdio: ['ignore', 'ignore', 'pipe'], env: { ...process.env, ...env } });
    child.stderr?.resume();
    this.#children.push(child);
    return child;
  }

  /** An agent that holds the keys; the path of its socket. */
  async agent(keys: readonly string[]): Promise<string> {
    const socket = this.newPath('agent');
    this.start('ssh-agent', ['-D', '-a', socket]);
    await until(() => existsSync(socket));
    for (const key of keys) execFileSync('ssh-add', ['-q', key], { env: { ...process.env, SSH_AUTH_SOCK: socket } });
    return socket;
  }

  async sshd(options: SshdOptions = {}): Promise<Sshd> {
    mkdirSync('/run/sshd', { recursive: true });
    const hostKeys = options.hostKeys ?? [this.key()];
    const authorized = (options.userKeys ?? []).map((key) => readFileSync(`${key}.pub`, 'utf8')).join('');
    const port = await freePort();
    const config = [
      ...(options.lines ?? []),
      ...listenAddresses(options).map((address) => `ListenAddress ${address}:${port}`),
      ...hostKeys.map((key) => `HostKey ${key}`),
      `AuthorizedKeysFile ${this.write('authorized_keys', authorized)}`,
      'PidFile none',
      'UsePAM no',
      'StrictModes no',
      'UseDNS no',
      'PermitRootLogin prohibit-password',
      'PasswordAuthentication no',
      'KbdInteractiveAuthentication no',
      'LogLevel DEBUG',
      ...(options.blocks ?? []),
    ].join('\n');
    const log = this.newPath('sshd.log');
    const child = this.start(SSHD, ['-D', '-f', this.write('sshd_config', `${config}\n`), '-E', log]);
    await until(() => {
      if (child.exitCode !== null) throw new Error(`sshd did not start: ${readFileSync(log, 'utf8')}`);
      return existsSync(log) && readFileSync(log, 'utf8').includes('Server listening');
    });
    return { port, hostKeys, log: () => readFileSync(log, 'utf8') };
  }

  /** A known_hosts file with the servers' keys. */
  knownHosts(...servers: readonly Sshd[]): string {
    return this.write('known_hosts', `${servers.flatMap(knownHostsLines).join('\n')}\n`);
  }

  /** An ssh_config that has nothing of the machine in it. */
  config(options: ClientOptions): string {
    const { key, agent = 'none', knownHosts, lines = [] } = options;
    return this.write(
      'ssh_config',
      [
        ...lines,
        'Host *',
        '  User root',
        `  IdentityAgent ${agent}`,
        ...(key === undefined ? [`  IdentityFile ${this.path('absent')}`] : [`  IdentityFile ${key}`]),
        `  UserKnownHostsFile ${knownHosts}`,
        '  GlobalKnownHostsFile none',
        '  ConnectTimeout 5',
        '',
      ].join('\n'),
    );
  }

  async stop(): Promise<void> {
    for (const child of this.#children) child.kill();
    const hasEnded = (child: ChildProcess): boolean => child.exitCode !== null || child.signalCode !== null;
    await Promise.all(this.#children.map(async (child) => until(() => child.pid === undefined || hasEnded(child))));
    rmSync(this.folder, { recursive: true, force: true, maxRetries: 5 });
  }
}

export interface SshdOptions {
  readonly hostKeys?: readonly string[];
  readonly userKeys?: readonly string[];
  /** Listens on [::1] only. */
  readonly ipv6?: boolean;
  /** Listens on so many addresses from 127.0.0.1 on; at most 16 (sshd's MAX_LISTEN_SOCKS). */
  readonly addresses?: number;
  /** Lines of sshd_config; the first value of a keyword wins, so these do. */
  readonly lines?: readonly string[];
  /** `Match` blocks, which must be last. */
  readonly blocks?: readonly string[];
}

export interface Sshd {
  readonly port: number;
  readonly hostKeys: readonly string[];
  log(): string;
}

export interface ClientOptions {
  readonly key?: string;
  readonly agent?: string;
  readonly knownHosts: string;
  /** Before `Host *`. */
  readonly lines?: readonly string[];
}

export function knownHostsLines(server: Sshd): readonly string[] {
  return server.hostKeys.map((key) => knownHostsLine(server.port, key));
}

export function knownHostsLine(port: number, hostKey: string, host = '127.0.0.1'): string {
  return `[${host}]:${port} ${publicKey(hostKey)}`;
}

/** Type and key, as in known_hosts. */
export function publicKey(key: string): string {
  return readFileSync(`${key}.pub`, 'utf8').split(' ').slice(0, 2).join(' ');
}

function listenAddresses({ ipv6 = false, addresses = 1 }: SshdOptions): readonly string[] {
  return ipv6 ? ['[::1]'] : Array.from({ length: addresses }, (_, index) => `127.0.0.${index + 1}`);
}

/** A port of 127.0.0.1 that nobody listens on. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}

export async function until(isSo: () => boolean): Promise<void> {
  for (let tries = 0; tries < 1500; tries++) {
    if (isSo()) return;
    await setTimeout(20);
  }
  throw new Error('not within 30 s');
}
