import { connect as connectSocket, createServer, type Server, type Socket } from 'node:net';
import { afterAll, expect, test } from 'vitest';
import { connect, failureOf, ID, SIGNAL, whoAmI } from './reading.ts';
import { describeWithSshd, freePort, knownHostsLine, SshLab } from './sshd.ts';

describeWithSshd('network', () => {
  const lab = new SshLab();
  const key = lab.key();
  const server = lab.sshd({ userKeys: [key] });
  const listeners: Server[] = [];
  afterAll(() => {
    for (const listener of listeners) listener.close();
  });

  async function listen(onConnection: (socket: Socket) => void): Promise<number> {
    const port = await freePort();
    const listener = createServer((socket) => {
      socket.on('error', () => undefined);
      onConnection(socket);
    }).listen(port, '127.0.0.1');
    listeners.push(listener);
    await new Promise((resolve) => listener.once('listening', resolve));
    return port;
  }

  test('through a hop, which has a key of its own', async () => {
    const hopKey = lab.key();
    const hop = await lab.sshd({ userKeys: [hopKey] });
    const { port } = await server;
    const lines = ['Host bastion', '  HostName 127.0.0.1', `  Port ${hop.port}`, `  IdentityFile ${hopKey}`];
    const node = ['Host node', '  HostName 127.0.0.1', `  Port ${port}`, '  ProxyJump bastion'];
    const config = lab.config({ key, knownHosts: lab.knownHosts(await server, hop), lines: [...lines, ...node] });
    expect(await whoAmI({ config }, ['node'])).toEqual({ client: 'ssh2', uid: '0' });
    expect(hop.log()).toContain('Accepted publickey');
  });

  test('through a chain, and the last hop cannot reach the node', async () => {
    const hop = await lab.sshd({ userKeys: [key] });
    const closed = await freePort();
    const { port } = await server;
    const lines = [`ProxyJump root@127.0.0.1:${hop.port},ssh://root@127.0.0.1:${port}`];
    const jumpless = ['Host 127.0.0.1', '  ProxyJump none', 'Host node', '  HostName 127.0.0.1', `  Port ${closed}`];
    const config = lab.config({
      key,
      knownHosts: lab.knownHosts(await server, hop),
      lines: [...jumpless, ...lines.map((line) => `  ${line}`)],
    });
    const failure = await failureOf(whoAmI({ config }, ['node']));
    expect(failure).toMatchObject({ reason: 'refused' });
    expect(failure.message).toContain('through the hop before it: Connection refused');
  });

  test('refused, and then the next address', async () => {
    const closed = await freePort();
    const { port } = await server;
    const lines = [
      'Host dead',
      '  HostName 127.0.0.1',
      `  Port ${closed}`,
      'Host live',
      '  HostName 127.0.0.1',
      `  Port ${port}`,
    ];
    const config = lab.config({ key, knownHosts: lab.knownHosts(await server), lines });
    const failure = await failureOf(whoAmI({ config }, ['dead']));
    expect(failure).toMatchObject({
      reason: 'refused',
      message: `connect to host 127.0.0.1 port ${closed}: Connection refused`,
    });
    expect((await whoAmI({ config }, ['dead', 'nothing.invalid', 'live'])).uid).toBe('0');
    expect((await failureOf(whoAmI({ config }, ['nothing.invalid']))).reason).toBe('unreachable');
    expect((await failureOf(whoAmI({ config }, []))).reason).toBe('no-address');
  });

  test('a listener that says nothing', async () => {
    const port = await listen(() => undefined);
    const knownHosts = lab.knownHosts(await server);
    const config = lab.config({ key, knownHosts, lines: ['ConnectTimeout 1'] });
    const failure = await failureOf(whoAmI({ config, port }));
    expect(failure.reason).toBe('timeout');
    expect(failure.message).toContain('no SSH greeting');
  });

  test('a listener that is no sshd', async () => {
    const port = await listen((socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'));
    const config = lab.config({ key, knownHosts: lab.knownHosts(await server) });
    expect(['unreachable', 'connection-lost']).toContain((await failureOf(whoAmI({ config, port }))).reason);
  });

  test('TCP is cut in the middle of an answer', async () => {
    const sockets: Socket[] = [];
    const { port: target } = await server;
    const port = await listen((socket) => {
      const upstream = connectSocket(target, '127.0.0.1');
      upstream.on('error', () => undefined);
      sockets.push(socket);
      socket.pipe(upstream).pipe(socket);
    });
    const knownHosts = lab.write('known_hosts', `${knownHostsLine(port, (await server).hostKeys[0] ?? '')}\n`);
    const transport = await connect({ config: lab.config({ key, knownHosts }), port });
    const endless = transport.run(['sh', '-c', 'echo begin; exec sleep 5'], { signal: SIGNAL });
    setTimeout(() => sockets.forEach((socket) => socket.destroy()), 300);
    expect(await failureOf(endless)).toMatchObject({ reason: 'connection-lost' });
    expect(await failureOf(transport.run(ID, { signal: SIGNAL }))).toMatchObject({ reason: 'connection-lost' });
    await transport.close();
  });

  test('stopped while connecting, and while a command runs', async () => {
    const silent = await listen(() => undefined);
    const { port } = await server;
    const config = lab.config({ key, knownHosts: lab.knownHosts(await server) });
    const user = new AbortController();
    setTimeout(() => user.abort(), 200);
    expect((await failureOf(connect({ config, port: silent }, ['127.0.0.1'], user.signal))).reason).toBe('cancelled');
    const transport = await connect({ config, port });
    const startedAt = performance.now();
    const slow = transport.run(['sleep', '20'], { signal: AbortSignal.timeout(300) });
    expect((await failureOf(slow)).reason).toBe('timeout');
    expect(performance.now() - startedAt).toBeLessThan(5000);
    await transport.close();
  });

  test('much, in full', async () => {
    const { port } = await server;
    const transport = await connect({ config: lab.config({ key, knownHosts: lab.knownHosts(await server) }), port });
    const { stdout, code } = await transport.run(['head', '-c', '20000000', '/dev/zero'], { signal: SIGNAL });
    expect(code).toBe(0);
    expect(stdout.length).toBe(20_000_000);
    await transport.close();
  });

  test('exit codes and stderr come through; an end by a signal has no code', async () => {
    const { port } = await server;
    const transport = await connect({ config: lab.config({ key, knownHosts: lab.knownHosts(await server) }), port });
    const run = async (script: string): Promise<unknown> => {
      const { code, stdout, stderr } = await transport.run(['sh', '-c', script], { signal: SIGNAL });
      return { code, stdout: stdout.toString('utf8'), stderr };
    };
    expect(await run("echo 'a b'; echo no >&2; exit 4")).toEqual({ code: 4, stdout: 'a b\n', stderr: 'no\n' });
    expect(await run('kill -9 $$')).toEqual({ code: null, stdout: '', stderr: '' });
    await transport.close();
  });

  test('a server that allows no commands', async () => {
    const sshd = await lab.sshd({ userKeys: [key], lines: ['MaxSessions 0'] });
    const transport = await connect({ config: lab.config({ key, knownHosts: lab.knownHosts(sshd) }), port: sshd.port });
    const runs = [1, 2, 3].map(async () => failureOf(transport.run(ID, { signal: SIGNAL })));
    expect((await Promise.all(runs)).map(({ reason }) => reason)).toEqual(Array(3).fill('command-failed'));
    await transport.close();
  });

  test('a server that drops logins', async () => {
    const port = await listen((socket) => socket.destroy());
    const config = lab.config({ key, knownHosts: lab.knownHosts(await server) });
    const failure = await failureOf(whoAmI({ config, port }));
    expect(failure.reason).toBe('connection-lost');
    expect(failure.message).toContain('before the login');
  });

  test('a server that allows one channel at a time', async () => {
    const sshd = await lab.sshd({ userKeys: [key], lines: ['MaxSessions 1'] });
    const transport = await connect({
      config: lab.config({ key, knownHosts: lab.knownHosts(sshd) }),
      port: sshd.port,
    });
    const answers = await Promise.all([1, 2, 3, 4].map(async () => transport.run(ID, { signal: SIGNAL })));
    expect(answers.map(({ code }) => code)).toEqual([0, 0, 0, 0]);
    await transport.close();
  });
});
