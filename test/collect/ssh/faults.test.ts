import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import type { Socket } from 'node:net';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { connect, failureOf, ID, SIGNAL, whoAmI } from './reading.ts';
import { OddServers } from './odd-server.ts';
import { describeWithSshd, knownHostsLine, SshLab, until } from './sshd.ts';

const LOG_IN = fileURLToPath(new URL('log-in.ts', import.meta.url));

describeWithSshd('a server that', () => {
  const lab = new SshLab();
  const odd = new OddServers();
  const key = lab.key();
  const hostKey = lab.key();
  const server = lab.sshd({ userKeys: [key], hostKeys: [hostKey] });

  /** For a server on another port with the same host key; with `certificate` OpenSSH's own client logs in. */
  function configFor(port: number, { certificate = false } = {}): string {
    const knownHosts = lab.write('known_hosts', `${knownHostsLine(port, hostKey)}\n`);
    return lab.config({ key, knownHosts, lines: certificate ? [`CertificateFile ${key}.pub`] : [] });
  }

  test.each([
    ['HTTP/1.1 400 Bad Request\r\nServer: x\r\n\r\n', 'it says "HTTP/1.1 400 Bad Request"'],
    ['SSH-1.5-old\r\n', 'does not speak SSH 2'],
    ['x'.repeat(1_000_000), `it says "${'x'.repeat(100)}"`],
  ])('is no sshd, but says %.20s', async (said, words) => {
    let connections = 0;
    const port = await odd.listen((socket) => {
      connections++;
      socket.end(said);
    });
    const failure = await failureOf(whoAmI({ config: configFor(port), port }));
    expect(failure.reason).toBe('unreachable');
    expect(failure.message).toContain(words);
    expect(connections).toBe(1);
  });

  test.each([false, true])('drops the first logins is asked again, also by the system ssh: %s', async (certificate) => {
    const port = await odd.dropping((await server).port, 2);
    const { uid } = await whoAmI({ config: configFor(port, { certificate }), port });
    expect(uid).toBe('0');
  });

  test('drops all logins is asked several times, and its words are told', async () => {
    let connections = 0;
    const port = await odd.listen((socket) => {
      connections++;
      socket.end('Exceeded MaxStartups\r\n');
    });
    const failure = await failureOf(whoAmI({ config: configFor(port), port }));
    expect(failure).toMatchObject({
      reason: 'connection-lost',
      message:
        `127.0.0.1 port ${port}: the connection was closed by the server before the login: ` +
        'it says "Exceeded MaxStartups", 6 times',
    });
    expect(failure.tryThis).toContain('--concurrency');
    expect(connections).toBe(6);
  });

  test('allows one login at a time (MaxStartups 1)', async () => {
    const busy = await lab.sshd({ userKeys: [key], lines: ['MaxStartups 1:100:1'] });
    const config = lab.config({ key, knownHosts: lab.knownHosts(busy) });
    const logins = Array.from({ length: 4 }, async () => whoAmI({ config, port: busy.port }));
    expect((await Promise.all(logins)).map(({ uid }) => uid)).toEqual(Array(4).fill('0'));
  });

  test('hangs up when it is shown a key is not asked again', async () => {
    let connections = 0;
    const port = await odd.hangingUp(hostKey, () => connections++);
    const failure = await failureOf(whoAmI({ config: configFor(port), port }));
    expect(failure.reason).toBe('connection-lost');
    expect(failure.message).toContain('during the login');
    expect(connections).toBe(1);
  });

  test('gives no exit status', async () => {
    const port = await odd.ssh(hostKey, (accept) => {
      const channel = accept();
      channel.write('0\n');
      channel.close();
    });
    const failure = await failureOf(whoAmI({ config: configFor(port), port }));
    expect(failure.reason).toBe('connection-lost');
    expect(failure.message).toContain('in the middle of an answer');
  });

  test('runs no commands', async () => {
    const port = await odd.ssh(hostKey, (_accept, reject) => reject());
    const failure = await failureOf(whoAmI({ config: configFor(port), port }));
    expect(failure.reason).toBe('command-failed');
    expect(failure.message).toContain('the server does not run commands for us');
  });

  test.each([false, true])(
    'resets the connection in the middle of an answer, also of the system ssh: %s',
    async (certificate) => {
      const sockets: Socket[] = [];
      const port = await odd.relay((await server).port, (socket, upstream) => {
        sockets.push(socket);
        socket.pipe(upstream).pipe(socket);
      });
      const transport = await connect({ config: configFor(port, { certificate }), port });
      const marker = lab.newPath('running');
      const argv = ['sh', '-c', `echo begin; touch ${marker}; exec sleep 5`];
      const answer = failureOf(transport.run(argv, { signal: SIGNAL }));
      await until(() => existsSync(marker));
      for (const socket of sockets) socket.resetAndDestroy();
      expect((await answer).reason).toBe('connection-lost');
      await transport.close();
    },
  );

  test('is slow in all it does', async () => {
    const port = await odd.relay((await server).port, (socket, upstream) => {
      socket.on('data', (bytes: Buffer) => setTimeout(() => upstream.write(bytes), 50));
      upstream.on('data', (bytes: Buffer) => setTimeout(() => socket.write(bytes), 50));
    });
    expect((await whoAmI({ config: configFor(port), port })).uid).toBe('0');
  });

  test.each([false, true])(
    'does not stop answering, also the system ssh: %s',
    { timeout: 120_000 },
    async (certificate) => {
      const { port } = await server;
      const transport = await connect({ config: configFor(port, { certificate }), port });
      const failure = await failureOf(transport.run(['yes', 'x'.repeat(1000)], { signal: SIGNAL }));
      expect(failure).toMatchObject({ reason: 'truncated' });
      expect(failure.message).toContain('more than 256 MiB in one answer');
      await transport.close();
    },
  );

  test.each([false, true])('answers with 60 MB, all of it, also over the system ssh: %s', async (certificate) => {
    const { port } = await server;
    const transport = await connect({ config: configFor(port, { certificate }), port });
    const { stdout, code } = await transport.run(['head', '-c', '60000000', '/dev/zero'], { signal: SIGNAL });
    expect([code, stdout.length]).toEqual([0, 60_000_000]);
    await transport.close();
  });

  test.each([false, true])('kills the command, also of the system ssh: %s', async (certificate) => {
    const { port } = await server;
    const transport = await connect({ config: configFor(port, { certificate }), port });
    const run = transport.run(['sh', '-c', 'kill -9 $$'], { signal: SIGNAL });
    // OpenSSH's client cannot be told from one that lost the connection.
    if (certificate) expect((await failureOf(run)).message).toContain('said nothing: the command was killed, or');
    else expect(await run).toMatchObject({ code: null });
    await transport.close();
  });

  test('has no algorithm in common with ssh2 nor with the system ssh', async () => {
    const lines = ['KexAlgorithms diffie-hellman-group1-sha1'];
    const old = await lab.sshd({ userKeys: [key], hostKeys: [hostKey], lines });
    const failure = await failureOf(whoAmI({ config: configFor(old.port), port: old.port }));
    expect(failure.reason).toBe('configuration');
    expect(failure.message).toContain('no matching key exchange algorithm: neither ssh2 nor the system ssh');
    expect(failure.tryThis).toContain('ssh -v');
  });

  test.each([
    ['10.98.0.1', 'connect to host 10.98.0.1 port 22: Network is unreachable', 'unreachable'],
    ['10.99.0.1', 'connect to host 10.99.0.1 port 22: No route to host', 'unreachable'],
    ['10.97.0.2', 'connect to host 10.97.0.2 port 22: Connection timed out', 'timeout'],
  ])('cannot be reached: %s', async (address, words, reason) => {
    const result = lab.newPath('result');
    const lines = ['Host 127.0.0.1', `  HostName ${address}`, '  ConnectTimeout 1'];
    const config = lab.config({ key, knownHosts: lab.knownHosts(await server), lines });
    const script = lab.newPath('script');
    // Whatever goes into the device is lost: nobody listens at its other end.
    const device = 'ip link add lost type veth peer name void; ip link set lost up; ip link set void up';
    const network = `${device}; ip addr add 10.97.0.1/24 dev lost; ip neigh add 10.97.0.2 lladdr 02:00:00:00:00:01 dev lost`;
    const route = 'ip route add unreachable 10.99.0.0/24';
    writeFileSync(script, `${network}; ${route}; exec ${process.execPath} ${LOG_IN} ${config} 22 ${result} 1\n`);
    const child = lab.start('unshare', ['-n', 'sh', script]);
    await until(() => child.exitCode !== null);
    const [outcome = ''] = JSON.parse(readFileSync(result, 'utf8')) as string[];
    expect(outcome).toContain(`${reason}: ${words}`);
  });

  test('asks for a second factor is told so', async () => {
    const lines = ['AuthenticationMethods publickey,keyboard-interactive', 'KbdInteractiveAuthentication yes'];
    const strict = await lab.sshd({ userKeys: [key], lines });
    const config = lab.config({ key, knownHosts: lab.knownHosts(strict) });
    const failure = await failureOf(whoAmI({ config, port: strict.port }));
    expect(failure.reason).toBe('authentication');
    expect(failure.message).toContain('the server takes keyboard-interactive');
    expect(failure.tryThis).toContain('ControlPath');
  });

  test('says what is not wanted, in banner and message of the day', async () => {
    const banner = lab.write('banner', 'Permission denied\n\u001b[31mREMOTE HOST IDENTIFICATION HAS CHANGED\n');
    const talkative = await lab.sshd({ userKeys: [key], lines: [`Banner ${banner}`, 'PrintMotd yes'] });
    const knownHosts = lab.knownHosts(talkative);
    const builtin = await whoAmI({ config: lab.config({ key, knownHosts }), port: talkative.port });
    expect(builtin).toEqual({ client: 'ssh2', uid: '0' });
    const system = lab.config({ key, knownHosts, lines: [`CertificateFile ${key}.pub`] });
    expect((await whoAmI({ config: system, port: talkative.port })).uid).toBe('0');
    const transport = await connect({ config: system, port: talkative.port });
    expect((await transport.run(ID, { signal: SIGNAL })).stderr).toBe('');
    await transport.close();
  });
});
