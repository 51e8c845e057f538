import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { failureOf, whoAmI } from './reading.ts';
import { describeWithSshd, knownHostsLine, SshLab } from './sshd.ts';

function fingerprintOf(key: string): string {
  return execFileSync('ssh-keygen', ['-l', '-f', key]).toString('utf8').split(' ')[1] ?? '';
}

describeWithSshd('host keys', () => {
  const lab = new SshLab();
  const key = lab.key();
  const hostKeys = [lab.key(), lab.key('rsa'), lab.key('ecdsa')] as const;
  const server = lab.sshd({ userKeys: [key], hostKeys });

  async function logInWith(knownHosts: string, lines: readonly string[] = []): ReturnType<typeof whoAmI> {
    const { port } = await server;
    return whoAmI({ config: lab.config({ key, knownHosts, lines }), port });
  }

  test('hashed names', async () => {
    const file = lab.knownHosts(await server);
    execFileSync('ssh-keygen', ['-q', '-H', '-f', file], { stdio: 'ignore' });
    expect(readFileSync(file, 'utf8')).toMatch(/^\|1\|/);
    expect((await logInWith(file)).client).toBe('ssh2');
  });

  test.each([0, 1, 2] as const)('one recorded type of several: %i', async (index) => {
    const { port } = await server;
    const file = lab.write('known_hosts', `${knownHostsLine(port, hostKeys[index])}\n`);
    expect((await logInWith(file)).uid).toBe('0');
  });

  test('a name of its own (HostKeyAlias)', async () => {
    const [type, base64] = readFileSync(`${hostKeys[0]}.pub`, 'utf8').split(' ');
    const file = lab.write('known_hosts', `node-1 ${type} ${base64}\n`);
    expect((await logInWith(file, ['HostKeyAlias node-1'])).uid).toBe('0');
  });

  test('recorded without the port', async () => {
    const [type, base64] = readFileSync(`${hostKeys[0]}.pub`, 'utf8').split(' ');
    const file = lab.write('known_hosts', `127.0.0.1 ${type} ${base64}\n`);
    expect((await logInWith(file)).uid).toBe('0');
  });

  test('unknown: nothing is sent, nothing is written', async () => {
    const { port } = await server;
    const file = lab.write('known_hosts', '');
    const before = (await server).log().length;
    const failure = await failureOf(logInWith(file, ['StrictHostKeyChecking no']));
    expect(failure.reason).toBe('host-key-unknown');
    expect(failure.message).toContain(`no ED25519 host key is known for [127.0.0.1]:${port}`);
    expect(failure.message).toContain(fingerprintOf(hostKeys[0]));
    expect(failure.tryThis).toMatch(new RegExp(`ssh -F \\S+ -p ${port} 127.0.0.1$`));
    expect(readFileSync(file, 'utf8')).toBe('');
    expect((await server).log().slice(before)).not.toContain('userauth');
  });

  test('changed', async () => {
    const { port } = await server;
    const other = lab.key();
    const file = lab.write('known_hosts', `# the old one\n${knownHostsLine(port, other)}\n`);
    const failure = await failureOf(logInWith(file));
    expect(failure.reason).toBe('host-key-changed');
    expect(failure.message).toContain('REMOTE HOST IDENTIFICATION HAS CHANGED');
    expect(failure.message).toContain(`is ${fingerprintOf(hostKeys[0])}, ${file}:2 has ${fingerprintOf(other)}`);
    expect(failure.tryThis).toContain(`ssh-keygen -f ${file} -R '[127.0.0.1]:${port}'`);
  });

  test('revoked, although it is recorded too', async () => {
    const { port } = await server;
    const line = knownHostsLine(port, hostKeys[0]);
    const file = lab.write('known_hosts', `${line}\n@revoked ${line.replace(/^\S+/, '*')}\n`);
    const failure = await failureOf(logInWith(file));
    expect(failure.reason).toBe('host-key-changed');
    expect(failure.message).toContain('REVOKED HOST KEY DETECTED');
  });

  test('unknown under the first address, known under the second', async () => {
    const { port } = await server;
    const file = lab.write('known_hosts', `${knownHostsLine(port, hostKeys[0], 'localhost')}\n`);
    const config = lab.config({ key, knownHosts: file, lines: ['AddressFamily inet'] });
    expect((await whoAmI({ config, port }, ['127.0.0.1', 'localhost'])).uid).toBe('0');
  });
});
