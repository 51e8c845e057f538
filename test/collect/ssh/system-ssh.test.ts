import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { systemFailure } from '../../../src/collect/ssh/system-failure.ts';
import { systemSshArgv } from '../../../src/collect/ssh/system-transport.ts';
import { connect, failureOf, ID, SIGNAL, whoAmI } from './reading.ts';
import { describeWithSshd, freePort, SshLab, until } from './sshd.ts';

const RELAY = `
import { connect } from 'node:net';
const [host, port] = process.argv.slice(2);
const socket = connect(Number(port), host);
process.stdin.pipe(socket).pipe(process.stdout);
socket.on('close', () => process.exit(0));
`;

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
    expect(processesWith(config)).toEqual([]);
    const result = await transport.run(ID, { signal: SIGNAL });
    expect(result.code).toBe(0);
    await transport.close();
    expect((await failureOf(transport.run(ID, { signal: SIGNAL }))).reason).toBe('cancelled');
  });
});

function keyText(key: string): string {
  return ` ${readFileSync(`${key}.pub`, 'utf8').split(' ')[1] ?? ''}`;
}

function processesWith(text: string): readonly string[] {
  const list = execFileSync('ps', ['-eo', 'args']).toString('utf8').split('\n');
  return list.filter((args) => args.startsWith('ssh ') && args.includes(text));
}

test('a host that looks like an option is refused', async () => {
  expect(() => systemSshArgv('-oProxyCommand=touch /tmp/x', {}, 'id')).toThrow('cannot be the name of a host');
  expect((await failureOf(whoAmI({}, ['-oProxyCommand=x']))).reason).toBe('configuration');
});

test('nothing is asked, trusted or forwarded', () => {
  const argv = systemSshArgv('node', { user: 'core', port: 2222, keys: ['/k'], config: '/c' }, 'id -u').join(' ');
  expect(argv).toMatch(/^-F \/c -l core -p 2222 -i \/k -o BatchMode=yes -o StrictHostKeyChecking=yes /);
  expect(argv).toContain('-o ForwardAgent=no -o ClearAllForwardings=yes');
  expect(argv).toMatch(/ -- node id -u$/);
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
