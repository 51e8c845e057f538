import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { fileURLToPath } from 'node:url';
import { afterEach, expect, test, vi } from 'vitest';
import { connect, failureOf, ID, processesWith, SIGNAL, whoAmI } from './reading.ts';
import { describeWithSshd, SshLab, type Sshd, until } from './sshd.ts';

const HOLD = fileURLToPath(new URL('hold.ts', import.meta.url));

afterEach(() => void vi.unstubAllEnvs());

function loginsOf(server: Sshd): number {
  return server.log().match(/Accepted publickey/g)?.length ?? 0;
}

describeWithSshd('a connection that the user shares', () => {
  const lab = new SshLab();
  const key = lab.key();

  /** Logs in as the user would by hand, with what ssh_config does not have: the key. */
  async function logInByHand(config: string, host: string, socket: string, port?: number): Promise<void> {
    const flags = [...(port === undefined ? [] : ['-p', String(port)]), '-o', 'BatchMode=yes', '-i', key];
    lab.start('ssh', ['-F', config, ...flags, '-M', '-N', host]);
    await until(() => existsSync(socket));
  }

  test('is used, where nothing else gets in, and stays', async () => {
    const server = await lab.sshd({ userKeys: [key] });
    const socket = lab.newPath('master');
    const config = lab.config({ knownHosts: lab.knownHosts(server), lines: [`ControlPath ${socket}`] });
    expect((await failureOf(whoAmI({ config, port: server.port }))).reason).toBe('authentication');
    await logInByHand(config, '127.0.0.1', socket, server.port);
    expect(await whoAmI({ config, port: server.port })).toEqual({ client: 'system ssh (ControlPath)', uid: '0' });
    expect(loginsOf(server)).toBe(1);
    const check = spawnSync('ssh', ['-F', config, '-p', String(server.port), '-O', 'check', '127.0.0.1']);
    expect(check.stderr.toString('utf8')).toContain('Master running');
  });

  test('to a bastion is used for the nodes behind it', async () => {
    const node = await lab.sshd({ userKeys: [key] });
    const bastion = await lab.sshd({ userKeys: [key] });
    const socket = lab.newPath('master');
    const lines = [
      'Host bastion',
      `  HostName 127.0.0.1`,
      `  Port ${bastion.port}`,
      `  ControlPath ${socket}`,
      '  IdentitiesOnly yes',
      `  IdentityFile ${lab.path('nothing')}`,
      'Host node',
      '  HostName 127.0.0.1',
      `  Port ${node.port}`,
      `  IdentityFile ${key}`,
      '  ProxyJump bastion',
    ];
    const config = lab.config({ knownHosts: lab.knownHosts(node, bastion), lines });
    expect((await failureOf(whoAmI({ config }, ['node']))).message).toContain(
      `port ${bastion.port}: Permission denied`,
    );
    await logInByHand(config, 'bastion', socket);
    expect(await whoAmI({ config }, ['node'])).toEqual({ client: 'system ssh (ControlPath)', uid: '0' });
    expect([loginsOf(bastion), loginsOf(node)]).toEqual([1, 1]);
  });

  test('is not used when its program is gone, or when ssh_config trusts any host key', async () => {
    const server = await lab.sshd({ userKeys: [key] });
    const { port } = server;
    const dead = lab.newPath('dead');
    const listener = createServer().listen(dead);
    await until(() => existsSync(dead));
    listener.close();
    writeFileSync(dead, '');
    const knownHosts = lab.knownHosts(server);
    const withDead = lab.config({ key, knownHosts, lines: [`ControlPath ${dead}`] });
    expect(await whoAmI({ config: withDead, port })).toEqual({ client: 'ssh2', uid: '0' });
    const socket = lab.newPath('master');
    const lines = [`ControlPath ${socket}`, 'StrictHostKeyChecking no'];
    const trusting = lab.config({ key, knownHosts, lines });
    await logInByHand(trusting, '127.0.0.1', socket, port);
    expect(await whoAmI({ config: trusting, port })).toEqual({ client: 'ssh2', uid: '0' });
  });
});

describeWithSshd('a connection of our own', () => {
  const lab = new SshLab();
  const key = lab.key();

  /** For OpenSSH's own client. */
  function configFor(server: Sshd): string {
    return lab.config({ key, knownHosts: lab.knownHosts(server), lines: [`CertificateFile ${key}.pub`] });
  }

  /** A folder of its own for temporary files. */
  function temporaryFolder(): string {
    const folder = lab.newPath('tmp');
    mkdirSync(folder);
    vi.stubEnv('TMPDIR', folder);
    return folder;
  }

  test('is one login for all commands, and nothing is left', async () => {
    const folder = temporaryFolder();
    const server = await lab.sshd({ userKeys: [key] });
    const config = configFor(server);
    const transport = await connect({ config, port: server.port });
    const answers = await Promise.all([1, 2, 3, 4, 5, 6].map(async () => transport.run(ID, { signal: SIGNAL })));
    expect(answers.map(({ code }) => code)).toEqual(Array(6).fill(0));
    expect(loginsOf(server)).toBe(1);
    await transport.close();
    expect(processesWith(config)).toEqual([]);
    expect(readdirSync(folder)).toEqual([]);
  });

  test('a server that allows one session gets more logins', async () => {
    const server = await lab.sshd({ userKeys: [key], lines: ['MaxSessions 1'] });
    const transport = await connect({ config: configFor(server), port: server.port });
    const answers = await Promise.all([1, 2, 3, 4].map(async () => transport.run(ID, { signal: SIGNAL })));
    expect(answers.map(({ stdout }) => stdout.toString('utf8'))).toEqual(Array(4).fill('0\n'));
    await transport.close();
  });

  test('where the path of a socket would be too long, each command logs in', async () => {
    const folder = lab.newPath('a-very-long-name-'.repeat(5));
    mkdirSync(folder);
    vi.stubEnv('TMPDIR', folder);
    const server = await lab.sshd({ userKeys: [key] });
    expect((await whoAmI({ config: configFor(server), port: server.port })).uid).toBe('0');
    expect(loginsOf(server)).toBe(2);
    expect(readdirSync(folder)).toEqual([]);
  });

  test.each(['SIGINT', 'SIGTERM', 'SIGKILL'] as const)('ends with the program: %s', async (signal) => {
    const folder = temporaryFolder();
    const server = await lab.sshd({ userKeys: [key] });
    const config = configFor(server);
    const program = lab.start(process.execPath, [HOLD, config, String(server.port)], { TMPDIR: folder });
    await until(() => server.log().includes('Starting session: command'));
    expect(processesWith(config)).not.toEqual([]);
    expect(readdirSync(folder)).toHaveLength(1);
    process.kill(program.pid ?? 0, signal);
    await until(() => processesWith(config).length === 0 && readdirSync(folder).length === 0);
    expect(execFileSync('ps', ['-eo', 'args']).toString('utf8')).not.toContain(folder);
  });
});
