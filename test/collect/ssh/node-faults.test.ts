import { existsSync } from 'node:fs';
import { expect, test, vi } from 'vitest';
import { AS_NOBODY, lacksIptables, lacksSudo, NodeLab, RULES, withoutTimes } from './node-lab.ts';
import { areMissing, describeWithSshd, until } from './sshd.ts';

// Each reads a node, some of them twice.
vi.setConfig({ testTimeout: 120_000 });

const lacksFlock = areMissing('/usr/bin/flock');

describeWithSshd('a node', () => {
  const nodes = new NodeLab();

  test.skipIf(lacksIptables || lacksFlock)('whose xtables lock is held is read all the same', async () => {
    const lock = nodes.lab.newPath('xtables.lock');
    const server = await nodes.node(`export XTABLES_LOCKFILE=${lock}`);
    nodes.restore(server, 'iptables-legacy-restore');
    const held = nodes.lab.newPath('held');
    nodes.lab.start('flock', [lock, 'sh', '-c', `touch ${held}; exec sleep 600`]);
    await until(() => existsSync(held));
    const waiting = nodes.byHand(server, 'iptables-legacy -w 1 -S');
    expect(waiting).toEqual({ code: 4, said: expect.stringContaining('xtables lock') as string });
    const { files, failure } = await nodes.read(server);
    expect(failure).toBeNull();
    expect(files.get('iptables-legacy-save')).toContain('--comment "default/kubernetes:https"');
    expect(nodes.byHand(server, 'iptables-legacy -w 1 -S').code).toBe(4);
  });

  test.skipIf(lacksIptables)('whose disks are full or cannot be written is read all the same', async () => {
    const full = 'mount -t tmpfs -o size=4k full /var/tmp; head -c 100000 /dev/zero >/var/tmp/x 2>/dev/null || true';
    const readOnly = 'mount -t tmpfs -o ro readonly /tmp; mount -t tmpfs -o ro readonly /run';
    const server = await nodes.node(`${full}; ${readOnly}`);
    expect(nodes.byHand(server, 'touch /tmp/x').said).toContain('Read-only file system');
    expect(nodes.byHand(server, 'head -c 9 /dev/zero >/var/tmp/y').said).toContain('No space left on device');
    nodes.restore(server, 'iptables-nft-restore');
    const { files, failure } = await nodes.read(server);
    expect(failure).toBeNull();
    expect(files.get('iptables-nft-save')).toContain('KUBE-SERVICES');
  });

  test.skipIf(lacksIptables)('whose clock is wrong by decades is read all the same', async () => {
    const clock = `case "$SSH_ORIGINAL_COMMAND" in *-save*)
      /bin/sh -c "$SSH_ORIGINAL_COMMAND" | sed 's/ on .*/ on Thu Jan  1 00:00:00 1970/'; exit;; esac`;
    const wrong = await nodes.node(clock);
    nodes.restore(wrong, 'iptables-nft-restore');
    const right = await nodes.node();
    nodes.restore(right, 'iptables-nft-restore');
    const reading = await nodes.read(wrong);
    expect(reading.failure).toBeNull();
    expect(reading.files.get('iptables-nft-save')).toContain('on Thu Jan  1 00:00:00 1970');
    expect(withoutTimes(reading).get('iptables-nft-save')).toBe(
      withoutTimes(await nodes.read(right)).get('iptables-nft-save'),
    );
  });

  test.skipIf(lacksIptables)('with bytes in its comments that are no UTF-8 is read', async () => {
    const server = await nodes.node();
    const rules = Buffer.from(RULES.replace('default/kubernetes:https', 'caf\u00e9'), 'latin1');
    nodes.restore(server, 'iptables-nft-restore', rules);
    const { files, failure } = await nodes.read(server);
    expect(failure).toBeNull();
    expect(files.get('iptables-nft-save')).toMatch(/-d 10\.96\.0\.1\/32 .*--comment "?caf\ufffd"? -j ACCEPT/);
  });

  test('on which one command hangs is a node out of time, and the command is named', async () => {
    const started = nodes.lab.newPath('started');
    const hang = `case "$SSH_ORIGINAL_COMMAND" in *iptables-nft-save*) touch ${started}; exec sleep 15;; esac`;
    const server = await nodes.node(hang);
    const timeOut = new AbortController();
    const reading = nodes.read(server, [], timeOut.signal);
    await until(() => existsSync(started));
    timeOut.abort(new DOMException('the time is over', 'TimeoutError'));
    const { failure } = await reading;
    expect(failure?.reason).toBe('timeout');
    expect(failure?.message).toMatch(/no answer in time: .*save -c/);
  });

  test.skipIf(lacksIptables)('on which a save is killed counts it as failed, not as empty', async () => {
    const kill = 'case "$SSH_ORIGINAL_COMMAND" in *iptables-*-save*) kill -9 $$;; esac';
    const { commands, failure } = await nodes.read(await nodes.node(kill));
    expect(failure?.reason).toBe('command-failed');
    expect(failure?.message).toBe('iptables-nft-save was ended by a signal');
    const saves = commands.filter(({ argv }) => argv.some((word) => /^iptables-.*-save$/.test(word)));
    expect(saves.map(({ code, file }) => [code, file])).toEqual([
      [null, null],
      [null, null],
    ]);
  });

  test.skipIf(lacksIptables)('whose saves are cut off is not read', async () => {
    const cut = `case "$SSH_ORIGINAL_COMMAND" in *iptables-nft-save*)
      /bin/sh -c "$SSH_ORIGINAL_COMMAND" | head -4; exit 0;; esac`;
    const server = await nodes.node(cut);
    nodes.restore(server, 'iptables-nft-restore');
    const { files, failure } = await nodes.read(server);
    expect(failure?.reason).toBe('truncated');
    expect(failure?.message).toMatch(/^iptables-nft-save was cut off twice: it ends inside table nat after \d lines/);
    expect(files.has('iptables-nft-save')).toBe(false);
  });

  test('without iptables in the folders searched', async () => {
    const { files, failure } = await nodes.read(await nodes.node('mount -t tmpfs nothing /usr/sbin'));
    expect(failure?.reason).toBe('no-iptables-save');
    expect(failure?.message).toBe('there is no iptables-nft-save, iptables-legacy-save, iptables-save on the node');
    expect([...files.keys()].filter((file) => file.includes('save'))).toEqual([]);
  });

  test.skipIf(lacksSudo).each([
    ['wants a password', 'nobody ALL=(root) ALL', 'sudo: a password is required'],
    ['wants a terminal', 'Defaults requiretty\nnobody ALL=(root) NOPASSWD: ALL', 'you must have a tty'],
    ['allows another command only', 'nobody ALL=(root) NOPASSWD: /usr/bin/true', 'sudo: a password is required'],
    ['cannot read its own rules', 'nobody ALL=(root', 'syntax error'],
  ])('whose sudo %s', async (_what, sudoers, words) => {
    const file = nodes.lab.write('sudoers', `${sudoers}\n`);
    const { failure } = await nodes.read(await nodes.node(`mount --bind ${file} /etc/sudoers`, AS_NOBODY));
    expect(failure?.reason).toBe('no-sudo');
    expect(failure?.message).toContain(words);
    expect(failure?.tryThis).toContain('NOPASSWD: ');
  });

  test.each([
    ['a menu', 'echo "1) reboot"; echo "2) exit"; read choice; exit 0', '1) reboot 2) exit'],
    ['a shell that is gone', 'exec /nowhere/shell', '/nowhere/shell: not found'],
    ['an expired password', 'echo "Your password has expired."; exit 1', 'Your password has expired.'],
    ['nothing', 'exit 0', 'the login does not run commands'],
  ])('whose login is %s', async (_what, script, words) => {
    const { failure } = await nodes.read(await nodes.answering(script));
    expect(failure?.reason).toBe('command-failed');
    expect(failure?.message).toContain(words);
  });

  test.skipIf(lacksIptables)('whose profile prints, also escape sequences, before each answer', async () => {
    const server = await nodes.node(String.raw`printf '\033[31mWelcome\033[0m\r\n*nat\n'`);
    nodes.restore(server, 'iptables-nft-restore');
    const { files, failure } = await nodes.read(server);
    expect(failure).toBeNull();
    expect(files.get('iptables-nft-save')).toMatch(/^# Generated by/);
    expect(files.get('ip-addr.json')).toMatch(/^\[/);
  });
});
