/**
 * What an API server and a kubelet can do to an exec. A real kubelet does not do these at will, so a WebSocket server does them;
 * exec with real ones is tried in test/cluster.
 */
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { WebSocket } from 'ws';
import { connectCluster } from '../../../src/collect/cluster/index.ts';
import type { ClusterConnection } from '../../../src/collect/cluster/index.ts';
import { execInPod, ExecBroken } from '../../../src/collect/pods/exec.ts';
import { readExecStatus } from '../../../src/collect/pods/exec-status.ts';
import { ExecTransport } from '../../../src/collect/pods/exec-transport.ts';
import { NodeReadError } from '../../../src/collect/transport.ts';
import { sendStatus, startFakeApi } from '../cluster/fake-api.ts';
import type { FakeApi } from '../cluster/fake-api.ts';
import { kubeconfig, scratchFolder } from '../cluster/lab.ts';

const scratch = scratchFolder();
afterAll(() => scratch.remove());

const TARGET = { namespace: 'kube-system', pod: 'kube-proxy-x', container: 'kube-proxy' };
const SUCCESS = JSON.stringify({ metadata: {}, status: 'Success' });

let api: FakeApi;
let connection: ClusterConnection;
beforeEach(async () => {
  api = await startFakeApi();
  scratch.write('config', kubeconfig(api.url));
  connection = await connectCluster({ kubeconfig: 'config' }, scratch.environment());
});
afterEach(async () => {
  await connection.close();
  await api.close();
});

function say(socket: WebSocket, channel: number, text: string): void {
  socket.send(Buffer.concat([Buffer.from([channel]), Buffer.from(text)]));
}

const never = new AbortController().signal;
const run = (limits = {}) => execInPod(connection, TARGET, ['iptables-nft-save', '-c'], { signal: never, ...limits });
const transport = () => new ExecTransport({ via: 'kube-proxy', dialect: 'container', connection, target: TARGET });

describe('an exec', () => {
  it('asks for a container, its argv word by word, and no shell', async () => {
    api.talk = (socket) => {
      say(socket, 3, SUCCESS);
      socket.close();
    };
    await run();
    expect(api.seen[0]?.url).toBe(
      '/api/v1/namespaces/kube-system/pods/kube-proxy-x/exec?container=kube-proxy&command=iptables-nft-save&command=-c&stdout=true&stderr=true',
    );
    expect(api.seen[0]?.headers['sec-websocket-protocol']).toEqual(['v5.channel.k8s.io,v4.channel.k8s.io']);
  });

  it('keeps stdout, stderr and the exit code apart', async () => {
    api.talk = (socket) => {
      for (const channel of [0, 1, 2]) say(socket, channel, '');
      say(socket, 1, '*nat\n');
      say(socket, 2, '# Warning: iptables-legacy tables present\n');
      say(socket, 1, 'COMMIT\n');
      say(socket, 3, failure({ reason: 'NonZeroExitCode', causes: [{ reason: 'ExitCode', message: '4' }] }));
      socket.close();
    };
    const { stdout, stderr, code } = await run();
    expect(stdout.toString()).toBe('*nat\nCOMMIT\n');
    expect(stderr).toBe('# Warning: iptables-legacy tables present\n');
    expect(code).toBe(4);
  });

  it('takes what comes after the exit status, and does not wait for a close that does not come', async () => {
    api.talk = (socket) => {
      say(socket, 3, SUCCESS);
      say(socket, 1, 'late');
    };
    expect((await run()).stdout.toString()).toBe('late');
  });

  it('has 50 MB whole', async () => {
    const line = '-A KUBE-SERVICES -d 10.96.0.1/32 -j KUBE-SVC-NPX46M4PTMTKRN6Y\n';
    const chunk = line.repeat(512);
    const chunks = Math.ceil((50 * 1024 * 1024) / chunk.length);
    api.talk = (socket) => {
      for (let n = 0; n < chunks; n++) say(socket, 1, chunk);
      say(socket, 3, SUCCESS);
      socket.close();
    };
    const { stdout } = await run();
    expect(stdout.length).toBe(chunks * chunk.length);
  });

  it.each<[string, (socket: WebSocket) => void, string]>([
    [
      'closes without an exit status',
      (socket) => socket.close(),
      'the connection was closed before the exit status came',
    ],
    ['breaks off', (socket) => socket.terminate(), 'the connection was closed before the exit status came'],
    [
      'sends junk for a status',
      (socket) => {
        say(socket, 3, '<html>');
        socket.close();
      },
      'the exit status is not one',
    ],
    ['sends an unknown channel', (socket) => say(socket, 9, 'x'), 'a message of unknown channel 9'],
    [
      'does not speak WebSocket any more',
      (socket) => Reflect.get(socket, '_socket').write('HTTP/1.1 500 Oh\r\n'),
      'Invalid WebSocket frame',
    ],
    [
      'says that the container is not there',
      (socket) => say(socket, 3, failure({ reason: 'InternalError', message: 'container not running (abc)' })),
      'container not running (abc)',
    ],
  ])('is broken when the server %s', async (_, talk, message) => {
    api.talk = (socket) => {
      say(socket, 1, '*nat\n');
      talk(socket);
    };
    const error: unknown = await run().catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(ExecBroken);
    expect(String(error)).toContain(`exec in pod kube-system/kube-proxy-x: ${message}`);
  });

  it('does not wait for ever on a server that is silent', async () => {
    await expect(run({ idleMs: 100 })).rejects.toThrow('nothing was said for 0.1 s');
  });

  it('ends when nobody wants it any more, with the reason', async () => {
    const stop = new AbortController();
    setTimeout(() => stop.abort(), 50);
    await expect(run({ signal: stop.signal })).rejects.toMatchObject({ reason: 'cancelled' });
    await expect(run({ signal: AbortSignal.timeout(50) })).rejects.toMatchObject({ reason: 'timeout' });
  });

  it('is ended when there is more than anybody prints', async () => {
    api.talk = (socket) => say(socket, 1, 'x'.repeat(2000));
    await expect(run({ maxBytes: 1024 })).rejects.toMatchObject({ name: 'NodeReadError', reason: 'truncated' });
  });
});

describe('the transport over exec', () => {
  it('asks again when an answer was lost', async () => {
    let attempts = 0;
    api.talk = (socket) => {
      if (++attempts === 3) say(socket, 3, SUCCESS);
      socket.close();
    };
    expect((await transport().run(['a'], { signal: never })).code).toBe(0);
  });

  it('gives up after three answers that were lost', async () => {
    api.talk = (socket) => socket.close();
    const failing = transport().run(['a'], { signal: never });
    await expect(failing).rejects.toMatchObject({ name: 'NodeReadError', reason: 'connection-lost' });
    expect(api.seen).toHaveLength(3);
  });

  it.each([
    [403, 'pods "kube-proxy-x" is forbidden: User "jane" cannot create resource "pods/exec"', 'forbidden'],
    [404, 'pods "kube-proxy-x" not found', 'pod-ended'],
    [500, 'error dialing backend: dial tcp 10.0.0.3:10250: connect: connection refused', 'connection-lost'],
    // What API servers say since 1.35 when `create` is missing.
    [
      403,
      'pods "kube-proxy-x" is forbidden: ',
      'forbidden',
      ': the user cannot create resource "pods/exec" in API group ""',
    ],
  ])('gives the words of a refusal with %i', async (status, message, reason, added = '') => {
    api.fault = (_, response) => {
      sendStatus(response, status, 'R', message);
      return true;
    };
    const error: unknown = await transport()
      .run(['a'], { signal: never })
      .catch((failed: unknown) => failed);
    expect(error).toBeInstanceOf(NodeReadError);
    expect(error).toMatchObject({ reason });
    expect(String(error)).toContain(`${message.trim().replace(/:$/, '')}${added}`);
  });
});

describe('an exit status', () => {
  it.each([
    ['{"status":"Success"}', { kind: 'exited', code: 0 }],
    [failure({ reason: 'NonZeroExitCode', causes: [{ reason: 'ExitCode', message: '137' }] }), { code: 137 }],
    [
      failure({
        message:
          'error executing command in container: failed to exec in container: failed to start exec "a": OCI runtime exec failed: exec failed: unable to start container process: exec: "iptables-legacy-save": executable file not found in $PATH',
      }),
      { kind: 'exited', code: 127 },
    ],
    [failure({ message: 'exec: "/bin/x": stat /bin/x: no such file or directory: unknown' }), { code: 127 }],
    [failure({ message: 'executable file `x` not found in $PATH: No such file or directory' }), { code: 127 }],
    [failure({ message: 'exec failed: exec: "/etc": permission denied' }), { code: 126 }],
    [failure({ message: 'task 12 not found' }), { kind: 'failed', message: 'task 12 not found' }],
    [failure({}), { kind: 'failed', message: 'no reason given' }],
  ])('%s', (text, end) => {
    expect(readExecStatus(text)).toMatchObject(end);
  });

  it.each(['', 'null', '[]', '{}', '{"status":', '{"status":"Odd"}'])('is not one: %s', (text) => {
    expect(readExecStatus(text)).toBeNull();
  });
});

function failure({ causes, ...status }: { reason?: string; message?: string; causes?: object[] }): string {
  return JSON.stringify({ status: 'Failure', ...status, ...(causes === undefined ? {} : { details: { causes } }) });
}
