import { execFileSync } from 'node:child_process';
import { expect, test } from 'vitest';
import { failureOf, whoAmI } from './reading.ts';
import { describeWithSshd, knownHostsLine, SshLab } from './sshd.ts';

describeWithSshd('login', () => {
  const lab = new SshLab();
  const key = lab.key();
  const locked = lab.key('ed25519', 'secret');
  const rsa = lab.key('rsa');
  const server = lab.sshd({ userKeys: [key, locked, rsa], lines: [`Banner ${lab.write('banner', 'Go away!\n')}`] });

  test('key of ssh_config, past a banner', async () => {
    const { port } = await server;
    const config = lab.config({ key, knownHosts: lab.knownHosts(await server) });
    expect(await whoAmI({ config, port })).toEqual({ client: 'ssh2', uid: '0' });
  });

  test('an RSA key in PEM given as a flag wins', async () => {
    const { port } = await server;
    execFileSync('ssh-keygen', ['-q', '-p', '-m', 'PEM', '-N', '', '-f', rsa]);
    const config = lab.config({ key: lab.key(), knownHosts: lab.knownHosts(await server) });
    expect(await whoAmI({ config, port, keys: [rsa], user: 'root' })).toEqual({ client: 'ssh2', uid: '0' });
  });

  test('port and user of ssh_config', async () => {
    const { port } = await server;
    const lines = ['Host worker', '  HostName 127.0.0.1', `  Port ${port}`];
    const config = lab.config({ key, knownHosts: lab.knownHosts(await server), lines });
    expect(await whoAmI({ config }, ['worker'])).toEqual({ client: 'ssh2', uid: '0' });
  });

  test('an agent with several keys', async () => {
    const { port } = await server;
    const agent = await lab.agent([lab.key(), lab.key('ecdsa'), key]);
    const config = lab.config({ agent, knownHosts: lab.knownHosts(await server) });
    expect(await whoAmI({ config, port })).toEqual({ client: 'ssh2', uid: '0' });
  });

  test('with IdentitiesOnly the agent offers the named key alone', async () => {
    const sshd = await lab.sshd({ userKeys: [key], lines: ['MaxAuthTries 2'] });
    const agent = await lab.agent([lab.key(), lab.key(), lab.key(), key]);
    const knownHosts = lab.knownHosts(sshd);
    const config = lab.config({ agent, key: `${key}.pub`, knownHosts, lines: ['IdentitiesOnly yes'] });
    expect((await whoAmI({ config, port: sshd.port })).uid).toBe('0');
  });

  test('with IdentitiesOnly the agent does not offer what is not named', async () => {
    const { port } = await server;
    const agent = await lab.agent([key]);
    const knownHosts = lab.knownHosts(await server);
    const config = lab.config({ agent, key: lab.key(), knownHosts, lines: ['IdentitiesOnly yes'] });
    expect((await failureOf(whoAmI({ config, port }))).reason).toBe('authentication');
  });

  test('a key with a passphrase wants ssh-add', async () => {
    const { port } = await server;
    const config = lab.config({ key: locked, knownHosts: lab.knownHosts(await server) });
    const failure = await failureOf(whoAmI({ config, port }));
    expect(failure.reason).toBe('authentication');
    expect(failure.message).toContain(`${locked} has a passphrase and is not in the agent`);
    expect(failure.tryThis).toBe(`ssh-add ${locked}`);
  });

  test('a key that the server does not take', async () => {
    const { port } = await server;
    const stranger = lab.key();
    const config = lab.config({ key: stranger, knownHosts: lab.knownHosts(await server) });
    const failure = await failureOf(whoAmI({ config, port }));
    expect(failure.reason).toBe('authentication');
    expect(failure.message).toContain(`root@127.0.0.1 port ${port}: Permission denied`);
    expect(failure.message).toContain(`the server takes publickey; offered: ${stranger}`);
  });

  test('more keys in the agent than the server looks at', async () => {
    const sshd = await lab.sshd({ userKeys: [key], lines: ['MaxAuthTries 2'] });
    const agent = await lab.agent([lab.key(), lab.key(), lab.key(), key]);
    const failure = await failureOf(
      whoAmI({ config: lab.config({ agent, knownHosts: lab.knownHosts(sshd) }), port: sshd.port }),
    );
    expect(failure.reason).toBe('authentication');
    expect(failure.tryThis).toContain('IdentitiesOnly yes');
  });

  test('a server that takes passwords only is shown no key', async () => {
    const lines = ['PubkeyAuthentication no', 'KbdInteractiveAuthentication yes'];
    const sshd = await lab.sshd({ userKeys: [key], lines });
    const config = lab.config({ key, knownHosts: lab.knownHosts(sshd) });
    const failure = await failureOf(whoAmI({ config, port: sshd.port }));
    expect(failure.reason).toBe('authentication');
    expect(failure.tryThis).toContain('Passwords are never asked for');
  });

  test('an agent that is not there is said', async () => {
    const { port } = await server;
    const agent = lab.path('no-agent');
    const failure = await failureOf(
      whoAmI({ config: lab.config({ agent, knownHosts: lab.knownHosts(await server) }), port }),
    );
    expect(failure.reason).toBe('authentication');
    expect(failure.message).toContain(`agent ${agent}: connect ENOENT`);
  });

  test('over IPv6', async () => {
    const { hostKeys, port } = await lab.sshd({ userKeys: [key], ipv6: true });
    const knownHosts = lab.write('known_hosts', `${knownHostsLine(port, hostKeys[0] ?? '', '::1')}\n`);
    expect((await whoAmI({ config: lab.config({ key, knownHosts }), port }, ['::1'])).uid).toBe('0');
  });

  test('no key at all', async () => {
    const { port } = await server;
    const config = lab.config({ knownHosts: lab.knownHosts(await server) });
    const failure = await failureOf(whoAmI({ config, port }));
    expect(failure.reason).toBe('authentication');
    expect(failure.message).toContain('there was no key to offer');
  });

  test('a key file that is not there is a mistake of the flag', async () => {
    const failure = await failureOf(whoAmI({ keys: ['/nowhere/id'] }));
    expect(failure).toMatchObject({ reason: 'configuration', message: '--ssh-key /nowhere/id: no such file' });
  });

  test('an ssh_config that OpenSSH does not take', async () => {
    const config = lab.write('ssh_config', 'Frobnicate yes\n');
    const failure = await failureOf(whoAmI({ config }));
    expect(failure.reason).toBe('configuration');
    expect(failure.message).toContain('Bad configuration option: frobnicate');
  });
});
