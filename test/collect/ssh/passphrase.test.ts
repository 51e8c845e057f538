import { execFileSync } from 'node:child_process';
import { readFileSync, rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test, vi } from 'vitest';
import { HiddenLine } from '../../../src/collect/terminal.ts';
import { atTerminal, lacksTerminal, questionsOn } from './at-terminal.ts';
import { failureOf, whoAmI } from './reading.ts';
import { describeWithSshd, SshLab, until } from './sshd.ts';

const LOG_IN = fileURLToPath(new URL('log-in.ts', import.meta.url));

// Programs are started, and typed to.
vi.setConfig({ testTimeout: 120_000 });

/** What somebody at a terminal sees, and what comes of it. */
interface Talk {
  readonly screen: string;
  readonly outcomes: readonly string[];
}

describeWithSshd('a key with a passphrase', () => {
  const lab = new SshLab();
  const locked = lab.key('ed25519', 'open sesame');
  const pem = lab.key('rsa', 'open sesame');
  execFileSync('ssh-keygen', ['-q', '-p', '-m', 'PEM', '-P', 'open sesame', '-N', 'open sesame', '-f', pem]);
  const server = lab.sshd({ userKeys: [locked, pem] });

  async function configFor(key: string, lines: readonly string[] = []): Promise<string> {
    return lab.config({ key, knownHosts: lab.knownHosts(await server), lines });
  }

  /** Runs `log-in.ts` at a terminal of its own. */
  async function talk(config: string, nodes: number, answers: readonly string[], at?: number): Promise<Talk> {
    const result = lab.newPath('result');
    const port = at ?? (await server).port;
    const screen = await atTerminal(`${process.execPath} ${LOG_IN} ${config} ${port} ${result} ${nodes}`, answers);
    return { screen, outcomes: JSON.parse(readFileSync(result, 'utf8')) as string[] };
  }

  test.skipIf(lacksTerminal)('is asked for once for all nodes, and not shown', async () => {
    const { screen, outcomes } = await talk(await configFor(locked), 5, ['open sesame\r']);
    expect(outcomes).toEqual(Array(5).fill('ok'));
    expect(questionsOn(screen)).toBe(1);
    expect(screen).toContain(`Enter passphrase for key '${locked}': `);
    expect(screen).not.toContain('sesame');
    expect(screen).toMatch(/[^-]echo /);
  });

  test.skipIf(lacksTerminal)('is asked for again when it is wrong, and corrected while typed', async () => {
    const answers = ['no\r', 'opex\u007fn sesamee\b\r'];
    const { screen, outcomes } = await talk(await configFor(locked), 1, answers);
    expect(outcomes).toEqual(['ok']);
    expect(screen).toContain('Bad passphrase, try again: Enter passphrase');
  });

  test.skipIf(lacksTerminal)('wrong three times: the nodes are not read, and nothing is asked again', async () => {
    const { screen, outcomes } = await talk(await configFor(locked), 3, ['a\r', 'b\r', 'c\r']);
    expect(outcomes).toHaveLength(3);
    expect(new Set(outcomes).size).toBe(1);
    expect(outcomes[0]).toMatch(/^authentication: .*what was typed 3 times is not it; ssh-add /);
    expect(questionsOn(screen)).toBe(3);
  });

  test.skipIf(lacksTerminal)('a PEM file without a public key beside it', async () => {
    rmSync(`${pem}.pub`);
    const { outcomes } = await talk(await configFor(pem), 2, ['open sesame\r']);
    expect(outcomes).toEqual(['ok', 'ok']);
  });

  test.skipIf(lacksTerminal)(
    'Ctrl-C at the question stops the run, and the terminal shows again what is typed',
    async () => {
      const { screen, outcomes } = await talk(await configFor(locked), 2, ['open\u0003']);
      expect(outcomes).toEqual([expect.stringMatching(/^cancelled: /), expect.stringMatching(/^cancelled: /)]);
      expect(screen).toMatch(/[^-]echo /);
    },
  );

  test.skipIf(lacksTerminal)('without a terminal the key is named, and ssh-add', async () => {
    const result = lab.newPath('result');
    const config = await configFor(locked);
    const argv = ['-w', process.execPath, LOG_IN, config, String((await server).port), result, '1'];
    const child = lab.start('setsid', argv);
    await until(() => child.exitCode !== null);
    const [outcome] = JSON.parse(readFileSync(result, 'utf8')) as string[];
    expect(outcome).toContain(
      `${locked} has a passphrase and is not in the agent, and there is no terminal to ask for it`,
    );
    expect(outcome).toContain(`; ssh-add ${locked}`);
  });

  test.skipIf(lacksTerminal).each(['ed25519', 'rsa', 'ecdsa'] as const)(
    'with a certificate, for the system ssh: %s',
    async (type) => {
      const ca = lab.key();
      const certified = lab.key(type, 'open sesame');
      execFileSync('ssh-keygen', ['-q', '-s', ca, '-I', 'me', '-n', 'root', `${certified}.pub`]);
      const sshd = await lab.sshd({ lines: [`TrustedUserCAKeys ${ca}.pub`] });
      const config = lab.config({ key: certified, knownHosts: lab.knownHosts(sshd) });
      const { screen, outcomes } = await talk(config, 3, ['open sesame\r'], sshd.port);
      expect(outcomes).toEqual(['ok', 'ok', 'ok']);
      expect(questionsOn(screen)).toBe(1);
    },
  );

  test.skipIf(lacksTerminal)('of a hop, for the system ssh; the agent has the key of the node', async () => {
    const [keyOfHop, keyOfNode] = [lab.key('ed25519', 'open sesame'), lab.key()];
    const hop = await lab.sshd({ userKeys: [keyOfHop] });
    const node = await lab.sshd({ userKeys: [keyOfNode] });
    const lines = ['Host hop', '  HostName 127.0.0.1', `  Port ${hop.port}`, `  IdentityFile ${keyOfHop}`];
    const target = ['Host 127.0.0.1', '  ProxyJump hop', `  CertificateFile ${keyOfNode}.pub`];
    const knownHosts = lab.knownHosts(hop, node);
    const agent = await lab.agent([keyOfNode]);
    const config = lab.config({ agent, knownHosts, lines: [...lines, ...target] });
    const { outcomes } = await talk(config, 2, ['open sesame\r'], node.port);
    expect(outcomes).toEqual(['ok', 'ok']);
  });

  test('is missed by the system ssh: the key is named', async () => {
    const config = await configFor(locked, [`CertificateFile ${locked}.pub`]);
    const failure = await failureOf(whoAmI({ config, port: (await server).port }));
    expect(failure.reason).toBe('authentication');
    expect(failure.message).toContain(`${locked} has a passphrase and is not in the agent, and there is no terminal`);
    expect(failure.tryThis).toBe(`ssh-add ${locked}`);
  });

  test('is not asked for when the server would not take the key, or another one does', async () => {
    const other = lab.key();
    const both = await lab.sshd({ userKeys: [other, locked] });
    const knownHosts = lab.knownHosts(both);
    const config = lab.config({ key: locked, knownHosts, lines: [`IdentityFile ${other}`] });
    expect((await whoAmI({ config, port: both.port })).uid).toBe('0');
    const strict = await lab.sshd({ userKeys: [other] });
    const refused = lab.config({ key: locked, knownHosts: lab.knownHosts(strict) });
    const failure = await failureOf(whoAmI({ config: refused, port: strict.port }));
    expect(failure.reason).toBe('authentication');
    expect(failure.message).not.toContain('terminal');
  });

  test('with BatchMode nothing is asked', async () => {
    const config = await configFor(locked, ['BatchMode yes']);
    const failure = await failureOf(whoAmI({ config, port: (await server).port }));
    expect(failure.message).toContain('BatchMode forbids to ask for it');
  });
});

describe('a line that is typed without being shown', () => {
  test.each([
    ['abc\r', 'done', 'abc'],
    ['abc\n', 'done', 'abc'],
    ['ab\u007f\bc\r', 'done', 'c'],
    ['aé\u007fb\r', 'done', 'ab'],
    ['abc\u0015d\r', 'done', 'd'],
    ['abc\u0004', 'done', 'abc'],
    ['\u0004', 'nothing', ''],
    ['ab\u0003', 'interrupted', 'ab'],
    ['ab', null, 'ab'],
  ])('%j', (typed, end, text) => {
    const line = new HiddenLine();
    expect(line.type(Buffer.from(typed))).toBe(end);
    expect(line.text()).toBe(text);
  });
});
