import { describe, expect, test } from 'vitest';
import { parseHop } from '../../../src/collect/ssh/route.ts';
import { SshLogins } from '../../../src/collect/ssh/index.ts';
import { failureOf, noTerminal, SIGNAL, whoAmI } from './reading.ts';
import { describeWithSshd, freePort, knownHostsLine, SshLab, type Sshd } from './sshd.ts';

describeWithSshd('hops', () => {
  const lab = new SshLab();
  const key = lab.key();
  const keyOfHops = lab.key();

  async function hop(): Promise<Sshd> {
    return lab.sshd({ userKeys: [keyOfHops] });
  }

  function host(name: string, server: Sshd, ...lines: readonly string[]): readonly string[] {
    return [`Host ${name}`, '  HostName 127.0.0.1', `  Port ${server.port}`, ...lines.map((line) => `  ${line}`)];
  }

  function logins(server: Sshd): number {
    return server.log().match(/Accepted publickey/g)?.length ?? 0;
  }

  test.each([
    ['ssh2', []],
    ['system ssh (CertificateFile)', ['CertificateFile']],
  ])('a chain of three, each with a key of its own: %s', async (client, certificate) => {
    const [outer, middle, inner] = await Promise.all([hop(), hop(), hop()]);
    const node = await lab.sshd({ userKeys: [key] });
    const hops = ['outer', 'middle', 'inner'].join(' ');
    const lines = [
      ...host('outer', outer),
      ...host('middle', middle),
      // As ssh_config allows it: the first hop written down has a way of its own.
      ...host('inner', inner, 'ProxyJump outer,middle'),
      ...host(
        'node',
        node,
        `IdentityFile ${key}`,
        'ProxyJump inner',
        ...certificate.map((word) => `${word} ${key}.pub`),
      ),
      `Host ${hops}`,
      `  IdentityFile ${keyOfHops}`,
    ];
    const config = lab.config({ knownHosts: lab.knownHosts(outer, middle, inner, node), lines });
    expect(await whoAmI({ config }, ['node'])).toEqual({ client, uid: '0' });
    expect([outer, middle, inner, node].map(logins)).toEqual([1, 1, 1, 1]);
  });

  test.each([
    ['ssh2', []],
    ['system ssh (CertificateFile)', ['CertificateFile']],
  ])('IPv6 addresses, of a hop and of the node: %s', async (client, certificate) => {
    const bastion = await lab.sshd({ userKeys: [key], ipv6: true });
    const node = await lab.sshd({ userKeys: [key], ipv6: true });
    const lines = [
      `Match originalhost ::1`,
      `  ProxyJump root@[0:0:0:0:0:0:0:1]:${bastion.port}`,
      ...certificate.map((word) => `  ${word} ${key}.pub`),
    ];
    const recorded = [bastion, node].flatMap(({ port, hostKeys }) =>
      ['::1', '0:0:0:0:0:0:0:1'].flatMap((address) => hostKeys.map((each) => knownHostsLine(port, each, address))),
    );
    const knownHosts = lab.write('known_hosts', `${recorded.join('\n')}\n`);
    const config = lab.config({ key, knownHosts, lines });
    expect(await whoAmI({ config, port: node.port }, ['::1'])).toEqual({ client, uid: '0' });
    expect([logins(bastion), logins(node)]).toEqual([1, 1]);
  });

  test('Match decides by address and by what a command says', async () => {
    const node = await lab.sshd({ userKeys: [key] });
    const lines = [
      'Match host 127.0.0.1 exec "test %h = 127.0.0.1"',
      `  Port ${node.port}`,
      'Match exec "false"',
      '  User nobody',
      'Match !originalhost 127.0.0.1',
      '  User nobody',
    ];
    const config = lab.config({ key, knownHosts: lab.knownHosts(node), lines });
    expect(await whoAmI({ config })).toEqual({ client: 'ssh2', uid: '0' });
  });

  test('one that refuses the login is asked once, for however many nodes', async () => {
    const bastion = await lab.sshd({ userKeys: [keyOfHops] });
    const node = await lab.sshd({ userKeys: [key] });
    const lines = [...host('bastion', bastion), ...host('node-*', node, 'ProxyJump bastion')];
    const config = lab.config({ key, knownHosts: lab.knownHosts(bastion, node), lines });
    const all = new SshLogins({ config }, noTerminal());
    const connectTo = async (node: string): Promise<unknown> => all.connect({ node, addresses: [node] }, SIGNAL);
    const failures = await Promise.all(['node-1', 'node-2', 'node-3'].map(async (name) => failureOf(connectTo(name))));
    await all.close();
    expect(failures.map(({ reason }) => reason)).toEqual(Array(3).fill('authentication'));
    expect(failures[2]?.message).toContain(`root@127.0.0.1 port ${bastion.port}: Permission denied`);
    expect(bastion.log().match(/Connection from/g)).toHaveLength(1);
  });

  test('one that forwards nothing', async () => {
    const bastion = await lab.sshd({ userKeys: [key], lines: ['AllowTcpForwarding no'] });
    const node = await lab.sshd({ userKeys: [key] });
    const lines = [...host('bastion', bastion), ...host('node', node, 'ProxyJump bastion')];
    const failure = await failureOf(
      whoAmI({ config: lab.config({ key, knownHosts: lab.knownHosts(bastion, node), lines }) }, ['node']),
    );
    expect(failure.reason).toBe('unreachable');
    expect(failure.tryThis).toContain('AllowTcpForwarding');
  });

  test('one that is not there is named', async () => {
    const port = await freePort();
    const node = await lab.sshd({ userKeys: [key] });
    const lines = host('node', node, `ProxyJump root@127.0.0.1:${port}`);
    const jumpless = ['Host 127.0.0.1', '  ProxyJump none'];
    const config = lab.config({ key, knownHosts: lab.knownHosts(node), lines: [...jumpless, ...lines] });
    const failure = await failureOf(whoAmI({ config }, ['node']));
    expect(failure.message).toBe(`connect to host 127.0.0.1 port ${port}: Connection refused`);
  });
});

describe('a hop as it is written', () => {
  test.each([
    ['bastion', 'bastion', {}],
    ['me@bastion:2222', 'bastion', { user: 'me', port: 2222 }],
    ['[::1]:22', '::1', { port: 22 }],
    ['ssh://me@[fd00::1]:22/', 'fd00::1', { user: 'me', port: 22 }],
    ['me@[fd00::1]', 'fd00::1', { user: 'me' }],
    ['fd00::1', 'fd00::1', {}],
  ])('%s', (spec, name, settings) => {
    expect(parseHop(spec)).toEqual({ host: name, settings });
  });
});
