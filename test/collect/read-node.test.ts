import { describe, expect, test } from 'vitest';
import { EXTRAS, isAllowed } from '../../src/collect/node-commands.ts';
import { readNode } from '../../src/collect/read-node.ts';
import { type CommandResult, NodeReadError, type Transport } from '../../src/collect/transport.ts';

const SAVE = '# Generated\n*nat\n:PREROUTING ACCEPT [0:0]\n-A PREROUTING -j KUBE-SERVICES\nCOMMIT\n# Completed\n';

interface Reply {
  readonly out?: string;
  readonly err?: string;
  readonly code?: number | null;
}

/** A node that answers by the command's own words: `id -u`, `iptables-nft-save -c`. */
class FakeNode implements Transport {
  readonly via = 'ssh';
  readonly dialect = 'login';
  readonly client = 'fake';
  readonly asked: string[] = [];
  parallel = 0;
  most = 0;
  readonly #reply: (command: string, time: number) => Reply | Error;

  constructor(reply: (command: string, time: number) => Reply | Error) {
    this.#reply = reply;
  }

  async run(argv: readonly string[]): Promise<CommandResult> {
    if (!isAllowed(argv, 'login')) throw new Error(`not allowed: ${argv.join(' ')}`);
    const command = argv.slice(argv[3] === 'sudo' ? 6 : 3).join(' ');
    this.asked.push(argv[3] === 'sudo' ? `sudo ${command}` : command);
    this.most = Math.max(this.most, ++this.parallel);
    await new Promise((resolve) => setTimeout(resolve, 1));
    this.parallel -= 1;
    const time = this.asked.filter((asked) => asked.endsWith(command)).length;
    const reply = this.#reply(command, time);
    if (reply instanceof Error) throw reply;
    const { out = '', err = '', code = 0 } = reply;
    return { stdout: Buffer.from(out), stderr: err, code };
  }

  async close(): Promise<void> {
    return Promise.resolve();
  }
}

const OPTIONS = { signal: new AbortController().signal, now: () => 0 };
const NOT_FOUND: Reply = { err: 'env: ‘x’: No such file or directory\n', code: 127 };

function root(reply: (command: string, time: number) => Reply | Error): FakeNode {
  return new FakeNode((command, time) => (command === 'id -u' ? { out: '0\n' } : reply(command, time)));
}

function user(reply: (command: string, time: number) => Reply | Error): FakeNode {
  return new FakeNode((command, time) => (command === 'id -u' ? { out: '1000\n' } : reply(command, time)));
}

describe('root', () => {
  test('all variants of both families, at most four at once, no plain names', async () => {
    const node = root(() => ({ out: SAVE }));
    const { files, commands, failure } = await readNode(node, OPTIONS);
    expect(failure).toBeNull();
    expect([...files.keys()]).toEqual([
      'iptables-nft-save',
      'iptables-legacy-save',
      'ip6tables-nft-save',
      'ip6tables-legacy-save',
      'ip-addr.json',
      'sysctl',
      'iptables-version',
      'nft.json',
    ]);
    expect(files.get('iptables-nft-save')).toBe(SAVE);
    expect(commands.map(({ file }) => file)).toEqual([null, ...files.keys()]);
    expect(node.most).toBe(4);
    expect(node.asked).not.toContain('iptables-save -c');
  });

  test('plain names of the family that has no variant', async () => {
    const node = root((command) => (/^ip6?tables-save/.test(command) ? { out: SAVE } : NOT_FOUND));
    const { files, failure } = await readNode(node, OPTIONS);
    expect(failure).toBeNull();
    expect([...files.keys()]).toEqual(['iptables-save', 'ip6tables-save']);
  });

  test('one variant is missing, one fails, IPv6 is missing', async () => {
    const node = root((command) =>
      command.startsWith('iptables-legacy')
        ? { out: SAVE }
        : command.startsWith('iptables-nft')
          ? { err: 'iptables-nft-save: broken', code: 1 }
          : NOT_FOUND,
    );
    const { files, commands, failure } = await readNode(node, OPTIONS);
    expect(failure).toBeNull();
    expect([...files.keys()]).toEqual(['iptables-legacy-save']);
    const broken = commands.find(({ argv }) => argv.includes('iptables-nft-save'));
    expect(broken).toMatchObject({ code: 1, file: null, stderr: 'iptables-nft-save: broken' });
  });

  test('nothing printed means no tables', async () => {
    const { files, failure } = await readNode(
      root(() => ({})),
      OPTIONS,
    );
    expect(failure).toBeNull();
    expect(files.get('iptables-nft-save')).toBe('');
    expect(files.has('ip-addr.json')).toBe(false);
  });

  test('a short answer is asked for once more', async () => {
    const node = root((command, time) =>
      command.startsWith('iptables-nft') && time === 1 ? { out: SAVE.slice(0, 40) } : { out: SAVE },
    );
    const { files, commands, failure } = await readNode(node, OPTIONS);
    expect(failure).toBeNull();
    expect(files.get('iptables-nft-save')).toBe(SAVE);
    const attempts = commands.filter(({ argv }) => argv.includes('iptables-nft-save'));
    expect(attempts.map(({ file }) => file)).toEqual([null, 'iptables-nft-save']);
  });

  test('short twice: truncated, and what is half is not kept', async () => {
    const node = root((command) => ({ out: command.startsWith('ip6tables-nft') ? '*nat\n:X - [0:0]\n' : SAVE }));
    const { files, failure } = await readNode(node, OPTIONS);
    expect(failure).toMatchObject({ reason: 'truncated' });
    expect(failure?.message).toContain('ip6tables-nft-save was cut off twice: it ends inside table nat after 2 lines');
    expect(files.has('ip6tables-nft-save')).toBe(false);
    expect(files.has('iptables-nft-save')).toBe(true);
  });

  test('no program at all', async () => {
    const { failure } = await readNode(
      root(() => NOT_FOUND),
      OPTIONS,
    );
    expect(failure?.reason).toBe('no-iptables-save');
  });

  test('all fail', async () => {
    const { failure } = await readNode(
      root(() => ({ err: 'Permission denied (you must be root)', code: 4 })),
      OPTIONS,
    );
    expect(failure).toMatchObject({ reason: 'command-failed' });
    expect(failure?.message).toBe('iptables-nft-save ended with 4: Permission denied (you must be root)');
  });

  test('what is asked beside the saves costs no node, whatever becomes of it', async () => {
    const ends: readonly (Reply | Error)[] = [
      new NodeReadError('connection-lost', 'gone', 'Again.'),
      {
        out: '/proc/sys/net/ipv4/conf/all/forwarding:0\n/proc/sys/net/netfilter/nf_conn',
        err: 'find: no bridge',
        code: 1,
      },
      new NodeReadError('timeout', 'no answer', 'Again.'),
      { err: 'netlink: Error: cache initialization failed', code: 1 },
    ];
    const node = root((command) => {
      const index = EXTRAS.findIndex(({ argv }) => argv.join(' ') === command);
      return ends[index] ?? { out: SAVE };
    });
    const { files, commands, failure } = await readNode(node, OPTIONS);
    expect(failure).toBeNull();
    expect(files.size).toBe(5);
    // Each line counts for itself; half a line does not.
    expect(files.get('sysctl')).toBe('/proc/sys/net/ipv4/conf/all/forwarding:0\n');
    const records = commands.slice(-EXTRAS.length).map(({ code, stderr, file }) => [code, stderr, file]);
    expect(records).toEqual([
      [null, 'gone', null],
      [1, 'find: no bridge', 'sysctl'],
      [null, 'no answer: iptables --version', null],
      [1, 'netlink: Error: cache initialization failed', null],
    ]);
  });

  test('tables of nftables mode are asked for where they are', async () => {
    const tables = { nftables: [{ metainfo: {} }, { table: { family: 'ip6', name: 'kube-proxy', handle: 3 } }] };
    const node = root((command) => ({ out: command === 'nft -j list tables' ? JSON.stringify(tables) : SAVE }));
    const { files } = await readNode(node, OPTIONS);
    expect(node.asked.filter((command) => command.startsWith('nft'))).toEqual([
      'nft -j list tables',
      'nft -j list table ip6 kube-proxy',
    ]);
    expect([...files.keys()].filter((file) => file.startsWith('nft'))).toEqual(['nft.json', 'nft-ip6.json']);
  });

  test('the connection is lost: what was whole is kept', async () => {
    const lost = new NodeReadError('connection-lost', 'gone', 'Again.');
    const node = root((command) => (command.startsWith('ip6') ? lost : { out: SAVE }));
    const { files, commands, failure } = await readNode(node, OPTIONS);
    expect(failure).toEqual({ reason: 'connection-lost', message: 'gone', tryThis: 'Again.' });
    expect(files.has('iptables-nft-save')).toBe(true);
    expect(commands.map(({ file }) => file)).toEqual([null, ...files.keys()]);
  });

  test('what the profile prints before each answer is taken away', async () => {
    const node = new FakeNode((command) => ({ out: `Welcome!\nNode 7\n${command === 'id -u' ? '0\n' : SAVE}` }));
    const { files, failure } = await readNode(node, OPTIONS);
    expect(failure).toBeNull();
    expect(files.get('iptables-nft-save')).toBe(SAVE);
  });

  test('a login that runs no commands', async () => {
    const node = new FakeNode(() => ({ out: 'This account is currently not available.\n', code: 1 }));
    const { failure } = await readNode(node, OPTIONS);
    expect(failure).toMatchObject({ reason: 'command-failed' });
    expect(failure?.message).toContain('This account is currently not available.');
  });
});

describe('a user', () => {
  test('saves through sudo, the rest without', async () => {
    const node = user(() => ({ out: SAVE }));
    expect((await readNode(node, OPTIONS)).failure).toBeNull();
    expect(node.asked).toEqual([
      'id -u',
      'sudo iptables-nft-save -c',
      'sudo iptables-legacy-save -c',
      'sudo ip6tables-nft-save -c',
      'sudo ip6tables-legacy-save -c',
      'ip -j addr',
      EXTRAS[1]?.argv.join(' '),
      'iptables --version',
      'sudo nft -j list tables',
    ]);
  });

  test.each([
    'sudo: a password is required\n',
    'sudo: a terminal is required to read the password\n',
    'sudo-rs: interactive authentication is required\n',
    'Sorry, user me is not allowed to execute',
    'me is not in the sudoers file.\n',
  ])('sudo refuses: %s', async (err) => {
    const { failure } = await readNode(
      user((command) => (command === 'ip -j addr' ? { out: '[]' } : { err, code: 1 })),
      OPTIONS,
    );
    expect(failure?.reason).toBe('no-sudo');
    expect(failure?.message).toContain(err.trim());
    expect(failure?.tryThis).toContain('ALL=(root) NOPASSWD: /usr/sbin/iptables-nft-save -c, /usr/sbin/iptables-leg');
  });

  test('there is no sudo', async () => {
    const reply = { err: 'env: ‘sudo’: No such file or directory\n', code: 127 };
    const { failure } = await readNode(
      user(() => reply),
      OPTIONS,
    );
    expect(failure).toMatchObject({ reason: 'no-sudo', tryThis: 'Log in as root: --ssh-user root' });
  });

  test('a command that fails below sudo, on a host that sudo cannot look up', async () => {
    const warning = 'sudo: unable to resolve host node-7: Name or service not known\n';
    const err = `${warning}# Warning: iptables-legacy tables present\niptables-legacy-save: cannot initialize\n`;
    const { failure } = await readNode(
      user(() => ({ err, code: 1 })),
      OPTIONS,
    );
    expect(failure?.reason).toBe('command-failed');
    expect(failure?.message).toBe('iptables-nft-save ended with 1: iptables-legacy-save: cannot initialize');
    const refused = await readNode(
      user(() => ({ err: `${warning}sudo: a password is required\n`, code: 1 })),
      OPTIONS,
    );
    expect(refused.failure).toMatchObject({
      reason: 'no-sudo',
      message: 'sudo does not allow it: sudo: a password is required',
    });
  });

  test('sudo hangs: it is named', async () => {
    const slow = new NodeReadError('timeout', 'node port 22: no answer in time', 'Give it more time');
    const { failure } = await readNode(
      user((command) => (command === 'ip -j addr' ? { out: '[]' } : slow)),
      OPTIONS,
    );
    expect(failure).toEqual({
      reason: 'timeout',
      message: 'node port 22: no answer in time: sudo -n -- iptables-nft-save -c',
      tryThis: 'Give it more time; does `sudo -n -- iptables-nft-save -c` end on the node?',
    });
  });

  test('sudo does not find the variants', async () => {
    const { files, failure } = await readNode(
      user((command) =>
        command === 'iptables-save -c'
          ? { out: SAVE }
          : { err: `sudo: ${command.split(' ')[0]}: command not found\n`, code: 1 },
      ),
      OPTIONS,
    );
    expect(failure).toBeNull();
    expect([...files.keys()]).toEqual(['iptables-save']);
  });
});
