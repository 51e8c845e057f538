import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, test, vi } from 'vitest';
import { hopConfigText, writeHopConfig } from '../../../src/collect/ssh/hop-config.ts';
import { systemFailure } from '../../../src/collect/ssh/system-failure.ts';
import { systemSshFlags } from '../../../src/collect/ssh/system-transport.ts';
import { TemporaryFolder } from '../../../src/collect/ssh/temporary-folder.ts';
import { connect, failureOf, ID, processesWith, SIGNAL, whoAmI } from './reading.ts';
import { describeWithSshd, freePort, SshLab, until } from './sshd.ts';

const RELAY = `
import { connect } from 'node:net';
const [host, port] = process.argv.slice(2);
const socket = connect(Number(port), host);
process.stdin.pipe(socket).pipe(process.stdout);
socket.on('close', () => process.exit(0));
`;

afterEach(() => void vi.unstubAllEnvs());

describeWithSshd('system ssh', () => {
  const lab = new SshLab();
  const key = lab.key();
  const server = lab.sshd({ userKeys: [key] });

  test('ProxyCommand', async () => {
    const { port } = await server;
    const relay = lab.write('relay.mjs', RELAY);
    const lines = [`ProxyCommand ${process.execPath} ${relay} %h %p`];
    const config = lab.config({ key, knownHosts: lab.knownHosts(await server), lines });
    expect(await whoAmI({ config, port })).toEqual({ client: 'system ssh (ProxyCommand)', uid: '0' });
  });

  test('a user certificate beside the key, and in an agent', async () => {
    const ca = lab.key();
    const certified = lab.key();
    execFileSync('ssh-keygen', ['-q', '-s', ca, '-I', 'me', '-n', 'root', `${certified}.pub`]);
    const sshd = await lab.sshd({ lines: [`TrustedUserCAKeys ${ca}.pub`] });
    const knownHosts = lab.knownHosts(sshd);
    const fromFile = await whoAmI({ config: lab.config({ key: certified, knownHosts }), port: sshd.port });
    expect(fromFile).toEqual({ client: 'system ssh (user certificate)', uid: '0' });
    const agent = await lab.agent([certified]);
    const fromAgent = await whoAmI({ config: lab.config({ agent, knownHosts }), port: sshd.port });
    expect(fromAgent).toEqual({ client: 'system ssh (user certificate in the agent)', uid: '0' });
  });

  test('a hardware key, as a file or in its public half: ssh2 is not tried', async () => {
    const { port } = await server;
    const knownHosts = lab.knownHosts(await server);
    for (const file of [hardwareKey(lab), `${hardwareKey(lab)}.pub`]) {
      // It is ssh that says what it lacks: the hardware.
      const failure = await failureOf(whoAmI({ config: lab.config({ key: file, knownHosts }), port }));
      expect(failure.reason).toBe('authentication');
      expect(failure.message).toMatch(/^127\.0\.0\.1: root@127\.0\.0\.1: Permission denied \(publickey\)/);
    }
    // With a second key that works, it is seen which client came.
    const lines = [`IdentityFile ${key}`];
    const config = lab.config({ key: hardwareKey(lab), knownHosts, lines });
    expect(await whoAmI({ config, port })).toEqual({ client: 'system ssh (security key)', uid: '0' });
  });

  test('a host certificate', async () => {
    const ca = lab.key();
    const hostKey = lab.key();
    execFileSync('ssh-keygen', ['-q', '-s', ca, '-I', 'host', '-h', '-n', '127.0.0.1', `${hostKey}.pub`]);
    const lines = [`HostCertificate ${hostKey}-cert.pub`];
    const sshd = await lab.sshd({ userKeys: [key], hostKeys: [hostKey], lines });
    const knownHosts = lab.write('known_hosts', `@cert-authority * ${readFileSync(`${ca}.pub`, 'utf8')}`);
    expect(await whoAmI({ config: lab.config({ key, knownHosts }), port: sshd.port })).toEqual({
      client: 'system ssh (@cert-authority in known_hosts)',
      uid: '0',
    });
  });

  test('a host certificate of an authority that is recorded without the port', async () => {
    const ca = lab.key();
    const hostKey = lab.key();
    execFileSync('ssh-keygen', ['-q', '-s', ca, '-I', 'host', '-h', '-n', '127.0.0.1', `${hostKey}.pub`]);
    const lines = [`HostCertificate ${hostKey}-cert.pub`];
    const sshd = await lab.sshd({ userKeys: [key], hostKeys: [hostKey], lines });
    const knownHosts = lab.write('known_hosts', `@cert-authority 127.0.0.1 ${readFileSync(`${ca}.pub`, 'utf8')}`);
    expect((await whoAmI({ config: lab.config({ key, knownHosts }), port: sshd.port })).uid).toBe('0');
  });

  test('a hop: its key is verified, and never recorded, whatever ssh_config says', async () => {
    const hop = await lab.sshd({ userKeys: [key] });
    const { port } = await server;
    const temporary = lab.newPath('tmp');
    mkdirSync(temporary);
    vi.stubEnv('TMPDIR', temporary);
    const bastion = [
      'Host bastion',
      '  HostName 127.0.0.1',
      `  Port ${hop.port}`,
      '  StrictHostKeyChecking accept-new',
    ];
    const node = ['Host node', '  HostName 127.0.0.1', `  Port ${port}`, '  ProxyJump bastion'];
    const lines = [...bastion, ...node, `  CertificateFile ${key}.pub`];
    const knownHosts = lab.knownHosts(await server);
    const before = readFileSync(knownHosts, 'utf8');
    const failure = await failureOf(whoAmI({ config: lab.config({ key, knownHosts, lines }) }, ['node']));
    expect(failure.reason).toBe('host-key-unknown');
    expect(failure.message).toContain(`No ED25519 host key is known for [127.0.0.1]:${hop.port}`);
    expect(readFileSync(knownHosts, 'utf8')).toBe(before);
    expect(hop.log()).not.toContain('Accepted publickey');
    const both = lab.config({ key, knownHosts: lab.knownHosts(await server, hop), lines });
    expect(await whoAmI({ config: both }, ['node'])).toEqual({ client: 'system ssh (CertificateFile)', uid: '0' });
    expect(hop.log()).toContain('Accepted publickey');
    expect(readdirSync(temporary)).toEqual([]);
  });

  test('a connection that was opened without a look at the host key is not used, and none is left', async () => {
    const { port } = await server;
    const socket = lab.newPath('master');
    const lines = ['ControlMaster auto', `ControlPath ${socket}`, 'ControlPersist 60', `CertificateFile ${key}.pub`];
    const known = lab.config({ key, knownHosts: lab.knownHosts(await server), lines });
    expect((await whoAmI({ config: known, port })).uid).toBe('0');
    expect(existsSync(socket)).toBe(false);
    const unknown = lab.config({ key, knownHosts: lab.write('known_hosts', ''), lines });
    const trusting = ['-o', 'StrictHostKeyChecking=no', '-o', 'UserKnownHostsFile=/dev/null'];
    lab.start('ssh', ['-F', unknown, ...trusting, '-p', String(port), '-N', '-o', 'ControlPersist=no', '127.0.0.1']);
    await until(() => existsSync(socket));
    expect((await failureOf(whoAmI({ config: unknown, port }))).reason).toBe('host-key-unknown');
  });

  test('what ssh_config does instead of a command is taken back', async () => {
    const { port } = await server;
    const lines = ['RemoteCommand echo 7', 'ForkAfterAuthentication yes', `CertificateFile ${key}.pub`];
    const config = lab.config({ key, knownHosts: lab.knownHosts(await server), lines });
    const transport = await connect({ config, port });
    const { stdout, code } = await transport.run(['sh', '-c', 'id -u; exit 3'], { signal: SIGNAL });
    expect([stdout.toString('utf8'), code]).toEqual(['0\n', 3]);
    await transport.close();
  });

  test('a key exchange that ssh2 does not have', async () => {
    const lines = ['KexAlgorithms sntrup761x25519-sha512@openssh.com'];
    const sshd = await lab.sshd({ userKeys: [key], lines });
    const config = lab.config({ key, knownHosts: lab.knownHosts(sshd) });
    const { client, uid } = await whoAmI({ config, port: sshd.port });
    expect(client).toMatch(/^system ssh \(no matching key exchange/);
    expect(uid).toBe('0');
  });

  test('its failures have reasons', async () => {
    const { port } = await server;
    const relay = lab.write('relay.mjs', RELAY);
    const lines = [`ProxyCommand ${process.execPath} ${relay} %h %p`];
    const knownHosts = lab.knownHosts(await server);
    const noKey = lab.config({ key: lab.key(), knownHosts, lines });
    expect(await failureOf(whoAmI({ config: noKey, port }))).toMatchObject({ reason: 'authentication' });
    const unknown = lab.config({ key, knownHosts: lab.write('known_hosts', ''), lines });
    const failure = await failureOf(whoAmI({ config: unknown, port }));
    expect(failure.reason).toBe('host-key-unknown');
    const changed = lab.write('known_hosts', readFileSync(knownHosts, 'utf8').replace(/ \S+$/m, keyText(lab.key())));
    const other = await failureOf(whoAmI({ config: lab.config({ key, knownHosts: changed, lines }), port }));
    expect(other.reason).toBe('host-key-changed');
    const certificate = lab.config({ key, knownHosts, lines: [`CertificateFile ${key}.pub`] });
    const refused = await failureOf(whoAmI({ config: certificate, port: await freePort() }));
    expect(refused.reason).toBe('refused');
  });

  test('stopping ends its process', async () => {
    const { port } = await server;
    const marker = lab.newPath('running');
    const lines = [`ProxyCommand ${process.execPath} ${lab.write('relay.mjs', RELAY)} %h %p`];
    const config = lab.config({ key, knownHosts: lab.knownHosts(await server), lines });
    const transport = await connect({ config, port });
    const stop = new AbortController();
    const slow = transport.run(['sh', '-c', `touch ${marker}; exec sleep 20`], { signal: stop.signal });
    await until(() => existsSync(marker));
    stop.abort();
    expect((await failureOf(slow)).reason).toBe('cancelled');
    const isCommand = (args: string): boolean => !args.startsWith('ssh -f -N ');
    expect(processesWith(config).filter(isCommand)).toEqual([]);
    const result = await transport.run(ID, { signal: SIGNAL });
    expect(result.code).toBe(0);
    await transport.close();
    expect((await failureOf(transport.run(ID, { signal: SIGNAL }))).reason).toBe('cancelled');
    expect(processesWith(config)).toEqual([]);
  });
});

/** A key of the kind that hardware keeps, as ssh-keygen writes it; the hardware is made up. */
function hardwareKey(lab: SshLab): string {
  const text = (value: string | Buffer): Buffer => {
    const bytes = Buffer.from(value);
    const length = Buffer.alloc(4);
    length.writeUInt32BE(bytes.length, 0);
    return Buffer.concat([length, bytes]);
  };
  const type = 'sk-ssh-ed25519@openssh.com';
  const publicKey = Buffer.concat([text(type), text(Buffer.alloc(32, 7)), text('ssh:')]);
  const secret = Buffer.concat([Buffer.alloc(8, 1), publicKey, Buffer.from([1]), text('handle'), text(''), text('me')]);
  const padded = Buffer.concat([secret, Buffer.from([1, 2, 3, 4, 5, 6, 7].slice(0, (8 - (secret.length % 8)) % 8))]);
  const head = [Buffer.from('openssh-key-v1\0'), text('none'), text('none'), text(''), Buffer.from([0, 0, 0, 1])];
  const base64 = Buffer.concat([...head, text(publicKey), text(padded)]).toString('base64');
  const wrapped = (base64.match(/.{1,70}/g) ?? []).join('\n');
  const file = lab.write(
    'id_ed25519_sk',
    `-----BEGIN OPENSSH PRIVATE KEY-----\n${wrapped}\n-----END OPENSSH PRIVATE KEY-----\n`,
  );
  writeFileSync(`${file}.pub`, `${type} ${publicKey.toString('base64')} me\n`);
  return file;
}

function keyText(key: string): string {
  return ` ${readFileSync(`${key}.pub`, 'utf8').split(' ')[1] ?? ''}`;
}

const TARGET = {
  host: 'node',
  settings: {},
  takenBack: [],
  hopConfig: null,
  agent: null,
  release: () => undefined,
  server: 'node port 22',
};

test('a host that looks like an option is refused', async () => {
  const target = { ...TARGET, host: '-oProxyCommand=touch /tmp/x' };
  expect(() => systemSshFlags(target, null)).toThrow('cannot be the name of a host');
  expect((await failureOf(whoAmI({}, ['-oProxyCommand=x']))).reason).toBe('configuration');
});

test('nothing is asked, trusted or forwarded', () => {
  const settings = { user: 'core', port: 2222, keys: ['/k'], config: '/c' };
  const argv = systemSshFlags({ ...TARGET, settings, takenBack: ['SessionType=default'] }, null).join(' ');
  expect(argv).toMatch(/^-F \/c -l core -p 2222 -i \/k -o BatchMode=yes -o StrictHostKeyChecking=yes /);
  expect(argv).toContain('-o ForwardAgent=no -o ClearAllForwardings=yes');
  expect(argv).toContain('-o ControlMaster=no -o ControlPath=none');
  expect(argv).toMatch(/ -o SessionType=default -- node$/);
});

describeWithSshd('configuration for hops', () => {
  const lab = new SshLab();

  test('has our options first, then those of the user', () => {
    const folder = lab.newPath('with space');
    mkdirSync(folder);
    vi.stubEnv('TMPDIR', folder);
    const file = join(folder, 'config');
    writeFileSync(file, 'Host bastion\n  User jumper\n  StrictHostKeyChecking no\n  ControlMaster auto\n');
    const temporary = new TemporaryFolder();
    const hops = [{ alias: 'shared', socket: '/tmp/50% of it', agent: '/tmp/100%' }];
    const config = writeHopConfig(temporary, file, hops);
    const printed = execFileSync('ssh', ['-F', config.file, '-G', 'bastion']).toString('utf8');
    expect(printed).toMatch(/^user jumper$/m);
    expect(printed).toMatch(/^stricthostkeychecking true$/m);
    expect(printed).toMatch(/^batchmode yes$/m);
    expect(printed).toMatch(/^controlmaster false$/m);
    expect(printed).not.toMatch(/^controlpath/m);
    const shared = execFileSync('ssh', ['-F', config.file, '-G', 'shared']).toString('utf8');
    expect(shared).toMatch(/^controlpath \/tmp\/50% of it$/m);
    expect(shared).toMatch(/^identityagent \/tmp\/100%%?$/m);
    config.remove();
    expect(existsSync(config.file)).toBe(false);
    temporary.remove();
    expect(readdirSync(folder)).toEqual(['config']);
  });

  test('is that of the user and the system without a choice, and nothing with none', () => {
    expect(hopConfigText(undefined, [])).toMatch(/\nInclude ~\/\.ssh\/config\nInclude "\/etc\/ssh\/ssh_config"\n$/);
    expect(hopConfigText('none', [])).not.toContain('Include');
    expect(hopConfigText('c', [])).toContain(`Include "${process.cwd()}/c"`);
  });
});

test.each([
  ['ssh: connect to host 10.0.0.1 port 22: Connection refused', 'refused'],
  ['ssh: connect to host 10.0.0.1 port 22: Connection timed out', 'timeout'],
  ['ssh: connect to host 10.0.0.1 port 22: No route to host', 'unreachable'],
  ['ssh: Could not resolve hostname x: Name or service not known', 'unreachable'],
  ['root@10.0.0.1: Permission denied (publickey).', 'authentication'],
  ['No ED25519 host key is known for x and you have requested strict checking.', 'host-key-unknown'],
  [
    '@@@@@\n@ WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED!  @\n@@@@@\nHost key verification failed.',
    'host-key-changed',
  ],
  ['client_loop: send disconnect: Broken pipe', 'connection-lost'],
  ['', 'connection-lost'],
])('%s', (stderr, reason) => {
  expect(systemFailure(stderr, 'x', 'ssh x').reason).toBe(reason);
});
