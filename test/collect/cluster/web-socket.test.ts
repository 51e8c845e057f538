import { once } from 'node:events';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { WebSocket } from 'ws';
import { connectCluster } from '../../../src/collect/cluster/index.ts';
import type { ClusterConnection, ClusterFlags } from '../../../src/collect/cluster/index.ts';
import { send, sendStatus, startFakeApi } from './fake-api.ts';
import type { FakeApi } from './fake-api.ts';
import type { Certificates } from './lab.ts';
import { failureOf, kubeconfig, makeCertificates, scratchFolder, startProxy, text } from './lab.ts';

const scratch = scratchFolder();
afterAll(() => scratch.remove());

const open: ClusterConnection[] = [];
const sockets: WebSocket[] = [];
let api: FakeApi;
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.terminate();
  await Promise.all(open.splice(0).map((connection) => connection.close()));
  await api.close();
});

async function connect(config: string, flags: ClusterFlags = {}): Promise<ClusterConnection> {
  scratch.write('config', config);
  const connection = await connectCluster({ kubeconfig: 'config', ...flags }, scratch.environment());
  open.push(connection);
  return connection;
}

const PATH = '/api/v1/namespaces/kube-system/pods/kube-proxy-x/exec';

async function openOn(connection: ClusterConnection, signal = new AbortController().signal): Promise<WebSocket> {
  const query = { command: ['a', '-c'], stdout: 'true' };
  const socket = await connection.openSocket({ path: PATH, query, protocols: ['v5.channel.k8s.io', 'v4'], signal });
  sockets.push(socket);
  return socket;
}

describe('a WebSocket over TLS', () => {
  let certificates: Certificates;
  beforeAll(() => {
    certificates = makeCertificates(`${scratch.root}/pki`);
  });
  beforeEach(async () => {
    api = await startFakeApi({ key: text(certificates.key), cert: text(certificates.certificate) });
  });
  const trusting = (user: string, more = ''): string =>
    kubeconfig(api.url, user, `certificate-authority: pki/ca.pem${more}`);

  it('goes out in the name of the same user as every other request', async () => {
    const user = '{token: secret, as: bob, as-groups: [g1, "g,2"], as-uid: "7", as-user-extra: {"K/e": [v1, v2]}}';
    const socket = await openOn(await connect(trusting(user)));
    expect(socket.protocol).toBe('v5.channel.k8s.io');
    expect(api.seen[0]?.url).toBe(`${PATH}?command=a&command=-c&stdout=true`);
    expect(api.seen[0]?.headers).toMatchObject({
      authorization: ['Bearer secret'],
      'user-agent': ['kubectl-svcdoctor'],
      'impersonate-user': ['bob'],
      'impersonate-group': ['g1', 'g,2'],
      'impersonate-uid': ['7'],
      'impersonate-extra-k%2fe': ['v1', 'v2'],
    });
  });

  it('trusts whom the kubeconfig trusts, by the name it says', async () => {
    const wrong = trusting('{token: t}').replace('127.0.0.1', 'localhost');
    expect((await failureOf(openOn(await connect(wrong)))).message).toContain('x509: certificate is not valid');
    await openOn(await connect(wrong, { tlsServerName: 'api.lab' }));
    const stranger = await failureOf(openOn(await connect(kubeconfig(api.url))));
    expect(stranger.message).toContain('certificate signed by unknown authority');
  });

  it('reads a token file again when the server refuses its token', async () => {
    scratch.write('token', 'first\n');
    api.fault = ({ headers }, response) => {
      const isRefused = headers['authorization']?.[0] !== 'Bearer second';
      if (isRefused) sendStatus(response, 401, 'Unauthorized', 'Unauthorized');
      return isRefused;
    };
    const connection = await connect(trusting('{tokenFile: token}'));
    scratch.write('token', 'second\n');
    await openOn(connection);
    expect(api.seen.map(({ headers }) => headers['authorization']?.[0])).toEqual(['Bearer first', 'Bearer second']);
  });

  it('goes through the proxy of the kubeconfig', async () => {
    const proxy = await startProxy(Number(new URL(api.url).port));
    await openOn(await connect(trusting('{token: t}', `, proxy-url: "http://127.0.0.1:${proxy.port}"`)));
    expect(proxy.asked).toEqual([`CONNECT ${new URL(api.url).host} HTTP/1.1`]);
    proxy.close();
  });
});

describe('a WebSocket that is refused', () => {
  beforeEach(async () => {
    api = await startFakeApi();
  });

  it.each([
    [403, 'Forbidden', 'pods "kube-proxy-x" is forbidden: User "jane" cannot create resource "pods/exec"'],
    [404, 'NotFound', 'pods "kube-proxy-x" not found'],
    [400, 'BadRequest', 'container kube-proxy is not valid for pod kube-proxy-x'],
  ])('gives the words of the server: %i', async (code, reason, message) => {
    api.fault = (_, response) => {
      sendStatus(response, code, reason, message);
      return true;
    };
    const error = await failureOf(openOn(await connect(kubeconfig(api.url))));
    expect(error.message).toBe(`Error from server (${reason}): ${message}`);
    expect(error).toMatchObject({ status: code, reason });
    expect(api.seen).toHaveLength(1);
  });

  it('names the right to ask for', async () => {
    api.fault = (_, response) => {
      sendStatus(response, 403, 'Forbidden', 'no');
      return true;
    };
    const error = await failureOf(openOn(await connect(kubeconfig(api.url))));
    expect(error).toMatchObject({
      suggestion:
        'May not get exec of pods/kube-proxy-x in namespace "kube-system": kubectl auth can-i get pods/kube-proxy-x --subresource=exec -n kube-system',
    });
  });

  it('is asked for again while the API server does not reach the kubelet', async () => {
    api.fault = (_, response, count) => {
      if (count < 3) sendStatus(response, 500, 'InternalError', 'error dialing backend: dial tcp 10.0.0.3:10250');
      return count < 3;
    };
    await openOn(await connect(kubeconfig(api.url)));
    expect(api.seen).toHaveLength(3);
  });

  it('says what a proxy is asked for that does not let it through', async () => {
    api.fault = (_, response) => {
      send(response, 200, {});
      return true;
    };
    const error = await failureOf(openOn(await connect(kubeconfig(api.url))));
    expect(error.message).toBe(`${new URL(api.url).host} answered with status 200 instead of opening a WebSocket`);
  });

  it('does not wait for ever', async () => {
    api.fault = () => true;
    const error = await failureOf(openOn(await connect(kubeconfig(api.url), { requestTimeout: 150 })));
    expect(error.message).toContain('within 0.15 s');
  });

  it('is given up when nobody wants it any more', async () => {
    api.fault = () => true;
    const stop = new AbortController();
    const opening = openOn(await connect(kubeconfig(api.url)), stop.signal);
    setTimeout(() => stop.abort(new Error('enough')), 50);
    await expect(opening).rejects.toThrow('enough');
  });

  it('loses no message that comes with the answer', async () => {
    api.talk = (socket) => socket.send('hello');
    const socket = await openOn(await connect(kubeconfig(api.url)));
    await new Promise((done) => setTimeout(done, 100));
    const message = once(socket, 'message');
    socket.resume();
    expect(String((await message)[0])).toBe('hello');
  });
});
