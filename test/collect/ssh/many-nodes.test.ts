import { expect, test } from 'vitest';
import { SshLogins } from '../../../src/collect/ssh/index.ts';
import { ID, noTerminal, SIGNAL } from './reading.ts';
import { describeWithSshd, knownHostsLines, publicKey, SshLab, type Sshd } from './sshd.ts';

const NODES = 200;
const BEHIND_BASTION = 60;
/** Addresses the nodes are at: sshd listens on no more. */
const ADDRESSES = 16;

describeWithSshd('many nodes at once', () => {
  const lab = new SshLab();
  const key = lab.key();

  /** `node-0` … `node-199`, at 127.0.0.1 to 127.0.0.16. */
  function hostsOf(server: Sshd, more: readonly string[] = []): readonly string[] {
    const byAddress = Array.from({ length: ADDRESSES }, (_, address) => [
      `Host ${Array.from({ length: Math.ceil(NODES / ADDRESSES) }, (_each, round) => `node-${round * ADDRESSES + address}`).join(' ')}`,
      `  HostName 127.0.0.${address + 1}`,
    ]);
    const all = ['Host node-*', `  Port ${server.port}`, '  HostKeyAlias node', ...more.map((line) => `  ${line}`)];
    // This machine is all 200 nodes, and slow by it.
    return ['ConnectTimeout 60', ...byAddress.flat(), ...all];
  }

  function knownHosts(server: Sshd, ...others: readonly Sshd[]): string {
    const lines = [
      ...server.hostKeys.map((hostKey) => `node ${publicKey(hostKey)}`),
      ...others.flatMap(knownHostsLines),
    ];
    return lab.write('known_hosts', `${lines.join('\n')}\n`);
  }

  /** Asks each node who we are, all at the same time. */
  async function askAll(config: string, nodes: number): Promise<ReadonlyMap<string, number>> {
    const logins = new SshLogins({ config }, noTerminal());
    const ask = async (index: number): Promise<string> => {
      const name = `node-${index}`;
      try {
        const transport = await logins.connect({ node: name, addresses: [name] }, SIGNAL);
        const { stdout } = await transport.run(ID, { signal: SIGNAL });
        await transport.close();
        return stdout.toString('utf8').trim();
      } catch (error) {
        return error instanceof Error ? error.message : String(error);
      }
    };
    const answers = await Promise.all(Array.from({ length: nodes }, async (_, index) => ask(index)));
    await logins.close();
    return new Map([...new Set(answers)].map((answer) => [answer, answers.filter((other) => other === answer).length]));
  }

  test(
    `${NODES} at one sshd, which drops what is too much (MaxStartups 10:30:100): none is lost`,
    { timeout: 180_000 },
    async () => {
      const server = await lab.sshd({ userKeys: [key], addresses: ADDRESSES });
      const config = lab.config({ key, knownHosts: knownHosts(server), lines: hostsOf(server) });
      expect(await askAll(config, NODES)).toEqual(new Map([['0', NODES]]));
      expect(server.log()).toMatch(/MaxStartups|drop connection/);
    },
  );

  test('behind a bastion, which sees one login', { timeout: 180_000 }, async () => {
    const server = await lab.sshd({ userKeys: [key], addresses: ADDRESSES, lines: ['MaxStartups 300'] });
    const bastion = await lab.sshd({ userKeys: [key] });
    const lines = ['Host bastion', '  HostName 127.0.0.1', `  Port ${bastion.port}`];
    const config = lab.config({
      key,
      knownHosts: knownHosts(server, bastion),
      lines: [...hostsOf(server, ['ProxyJump bastion']), ...lines],
    });
    expect(await askAll(config, BEHIND_BASTION)).toEqual(new Map([['0', BEHIND_BASTION]]));
    expect(bastion.log().match(/Accepted publickey/g)).toHaveLength(1);
  });
});
