import { readFileSync } from 'node:fs';
import { createServer as createTcpServer } from 'node:net';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { connectCluster } from '../../../src/collect/cluster/index.ts';
import type { ClusterConnection, ClusterFlags } from '../../../src/collect/cluster/index.ts';
import { send, sendStatus, startFakeApi } from './fake-api.ts';
import type { FakeApi } from './fake-api.ts';
import { failureOf, kubeconfig, makeCertificates, scratchFolder, startProxy, without } from './lab.ts';
import type { Certificates } from './lab.ts';

const scratch = scratchFolder();
afterAll(() => scratch.remove());

const open: ClusterConnection[] = [];
afterEach(async () => {
  await Promise.all(open.splice(0).map((connection) => connection.close()));
});

async function connect(
  config: string,
  flags: ClusterFlags = {},
  variables: Record<string, string> = {},
): Promise<ClusterConnection> {
  scratch.write('config', config);
  const connection = await connectCluster({ kubeconfig: 'config', ...flags }, scratch.environment(variables));
  open.push(connection);
  return connection;
}

describe('over plain http', () => {
  let api: FakeApi;
  beforeEach(async () => {
    api = await startFakeApi();
  });
  afterEach(() => api.close());

  it('asks, and tells where it is', async () => {
    const connection = await connect(kubeconfig(`${api.url}/`));
    expect(connection).toMatchObject({ context: 'lab', namespace: 'team', server: api.url });
    expect(await connection.get('/version')).toEqual({ gitVersion: 'v1.37.2' });
    expect(api.seen[0]?.headers['user-agent']).toEqual(['kubectl-svcdoctor']);
  });

  it('keeps the path of the server, and escapes queries', async () => {
    const connection = await connect(kubeconfig(`${api.url}/clusters/a/`));
    await connection.get('/api/v1/pods', { labelSelector: 'a in (b,c)', continue: undefined });
    expect(api.seen[0]?.url).toBe('/clusters/a/api/v1/pods?labelSelector=a+in+(b,c)');
  });

  it('sends no credentials, but does impersonate, each group on a line of its own', async () => {
    const user = '{token: secret, as: bob, as-groups: [g1, "g,2"], as-uid: "7", as-user-extra: {"K/e": [v1, v2]}}';
    await (await connect(kubeconfig(api.url, user))).get('/version');
    expect(api.seen[0]?.headers).toMatchObject({
      'impersonate-user': ['bob'],
      'impersonate-group': ['g1', 'g,2'],
      'impersonate-uid': ['7'],
      'impersonate-extra-k%2fe': ['v1', 'v2'],
    });
    expect(api.seen[0]?.headers['authorization']).toBeUndefined();
  });

  it('refuses to impersonate nobody', async () => {
    const error = await failureOf(connect(kubeconfig(api.url), { asGroups: ['g'] }));
    expect(error.message).toContain('without impersonating a user');
  });

  it('sends one body only once, even when it fails', async () => {
    api.fault = (_, response) => {
      sendStatus(response, 503, 'ServiceUnavailable', 'busy');
      return true;
    };
    const connection = await connect(kubeconfig(api.url));
    await failureOf(connection.send({ method: 'POST', path: '/apis/x/v1/y', body: { a: 1 } }));
    expect(api.seen).toHaveLength(1);
    expect(api.seen[0]).toMatchObject({ method: 'POST', headers: { 'content-type': ['application/json'] } });
  });

  it.each([429, 500, 502, 503, 504])('asks again after status %i', async (status) => {
    api.fault = (_, response, count) => {
      if (count < 3) sendStatus(response, status, '', 'busy');
      return count < 3;
    };
    await (await connect(kubeconfig(api.url))).get('/version');
    expect(api.seen).toHaveLength(3);
  });

  it('gives up after three repetitions, with the words of the server', async () => {
    api.fault = (_, response) => {
      sendStatus(response, 500, 'InternalError', 'etcdserver: leader changed\u001b[31m');
      return true;
    };
    const error = await failureOf((await connect(kubeconfig(api.url))).get('/version'));
    expect(error.message).toBe('Error from server (InternalError): etcdserver: leader changed [31m');
    expect(api.seen).toHaveLength(4);
  });

  it('waits as long as it is told, ten times at most', async () => {
    api.fault = (_, response) => {
      response.setHeader('retry-after', '0');
      sendStatus(response, 429, 'TooManyRequests', 'too many requests');
      return true;
    };
    const error = await failureOf((await connect(kubeconfig(api.url))).get('/version'));
    expect(error.message).toBe('Error from server (TooManyRequests): too many requests');
    expect(api.seen).toHaveLength(11);
  });

  it.each([404, 403, 409, 501])('does not ask again after status %i', async (status) => {
    api.fault = (_, response) => {
      send(response, status, { kind: 'Status', reason: 'R', message: 'no' });
      return true;
    };
    expect((await failureOf((await connect(kubeconfig(api.url))).get('/version'))).status).toBe(status);
    expect(api.seen).toHaveLength(1);
  });

  it('asks again when the connection breaks, before or within the answer', async () => {
    api.fault = (_, response, count) => {
      if (count === 1) response.destroy();
      if (count === 2) {
        response.writeHead(200, { 'content-type': 'application/json', 'content-length': '100' });
        response.write('{"half":');
        setTimeout(() => response.destroy(), 10);
      }
      return count < 3;
    };
    expect(await (await connect(kubeconfig(api.url))).get('/version')).toEqual({ gitVersion: 'v1.37.2' });
    expect(api.seen).toHaveLength(3);
  });

  it("says in kubectl's words that it is forbidden, and what is missing", async () => {
    const said =
      'services is forbidden: User "x" cannot list resource "services" in API group "" in the namespace "default"';
    api.fault = (_, response) => {
      sendStatus(response, 403, 'Forbidden', said);
      return true;
    };
    const error = await failureOf((await connect(kubeconfig(api.url))).get('/api/v1/namespaces/default/services'));
    expect(error.message).toBe(`Error from server (Forbidden): ${said}`);
    expect(error.suggestion).toContain('kubectl auth can-i list services -n default');
    const slices = await failureOf(
      (await connect(kubeconfig(api.url))).get('/apis/discovery.k8s.io/v1/endpointslices'),
    );
    expect(slices.suggestion).toContain('kubectl auth can-i list endpointslices.discovery.k8s.io --all-namespaces');
  });

  it.each([
    [200, 'text/html; charset=utf-8', '<html>Log in</html>', 'not as a Kubernetes API (status 200, text/html)'],
    [404, 'text/html', '<html>', 'not as a Kubernetes API (status 404, text/html)'],
    [200, 'application/json', '{"cut":', 'not as a Kubernetes API (status 200, application/json)'],
    [200, 'application/json', '[]', 'not as a Kubernetes API'],
    [404, 'text/plain', '404 page not found\n', 'Error from server (NotFound): 404 page not found'],
  ])('takes %i %s %j for what it is', async (status, type, body, message) => {
    api.fault = (_, response) => {
      response.writeHead(status, { 'content-type': type });
      response.end(body);
      return true;
    };
    expect((await failureOf((await connect(kubeconfig(api.url))).get('/version'))).message).toContain(message);
  });

  it('takes text where text is asked for, and no page of somebody else', async () => {
    const connection = await connect(kubeconfig(api.url));
    const path = '/api/v1/namespaces/kube-system/pods/kube-proxy-x/log';
    const answers = (type: string, text: string) => {
      api.fault = (_, response) => {
        response.writeHead(200, { 'content-type': type }).end(text);
        return true;
      };
    };
    answers('text/plain', 'E1125 …\n');
    expect(await connection.getText(path, { tailLines: '9' })).toBe('E1125 …\n');
    answers('text/html', '<html>Log in</html>');
    expect((await failureOf(connection.getText(path))).message).toContain('not as a Kubernetes API');
    api.fault = (_, response) => {
      sendStatus(response, 403, 'Forbidden', 'pods "kube-proxy-x" is forbidden: cannot get resource "pods/log"');
      return true;
    };
    const refused = await failureOf(connection.getText(path));
    expect(refused).toMatchObject({ status: 403 });
    expect(refused.message).toContain('cannot get resource "pods/log"');
  });

  it('does not follow a redirect to a login page', async () => {
    api.fault = ({ url }, response) => {
      response.writeHead(302, { location: '/login' });
      response.end();
      return url === '/version';
    };
    const error = await failureOf((await connect(kubeconfig(api.url))).get('/version'));
    expect(error.message).toContain('a redirect to /login');
    expect(api.seen).toHaveLength(1);
  });

  it('ends a request that takes too long, also in the middle of its answer', async () => {
    api.fault = ({ url }, response) => {
      if (url.includes('slow')) response.write('{');
      return true;
    };
    const connection = await connect(kubeconfig(api.url), { requestTimeout: 60 });
    const expected = `Unable to connect to the server: no answer from ${new URL(api.url).host} within 0.06 s`;
    expect((await failureOf(connection.get('/version'))).message).toBe(expected);
    expect((await failureOf(connection.get('/slow'))).message).toBe(expected);
    expect(api.seen).toHaveLength(2);
  });

  it('stops when it is told to, with the reason given', async () => {
    api.fault = () => true;
    const connection = await connect(kubeconfig(api.url));
    const reason = new Error('stopped by a person');
    await expect(connection.get('/version', {}, AbortSignal.abort(reason))).rejects.toBe(reason);
    const controller = new AbortController();
    const asking = connection.get('/version', {}, controller.signal);
    setTimeout(() => controller.abort(reason), 30);
    await expect(asking).rejects.toBe(reason);
  });

  it('stops waiting for a busy server when it is told to', async () => {
    api.fault = (_, response) => {
      response.setHeader('retry-after', '2');
      sendStatus(response, 429, 'TooManyRequests', 'busy');
      return true;
    };
    scratch.write('config', kubeconfig(api.url));
    const environment = { ...scratch.environment(), retry: {} };
    const connection = await connectCluster({ kubeconfig: 'config' }, environment);
    const startedAt = performance.now();
    await expect(connection.get('/version', {}, AbortSignal.timeout(50))).rejects.toThrow('aborted due to timeout');
    expect(performance.now() - startedAt).toBeLessThan(1500);
    await connection.close();
  });

  it('unpacks what comes packed', async () => {
    const objects = Array.from({ length: 60 }, (_, n) => ({ metadata: { name: `node-${n}` } }));
    api.objects.set('/api/v1/nodes', objects);
    expect(await (await connect(kubeconfig(api.url))).get('/api/v1/nodes')).toMatchObject({ items: objects });
  });
});

describe('a server that is not there', () => {
  it('is said as kubectl says it', async () => {
    const port = await freePort();
    const error = await failureOf((await connect(kubeconfig(`http://127.0.0.1:${port}`))).get('/version'));
    expect(error.message).toBe(
      `The connection to the server 127.0.0.1:${port} was refused - did you specify the right host or port?`,
    );
    expect(error.exitCode).toBe(2);
  });

  it('is told from one that speaks another protocol', async () => {
    const server = createTcpServer((socket) => socket.end('SSH-2.0-OpenSSH\r\n'));
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
    const address = server.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    for (const [scheme, words] of [
      ['http', 'does not speak http'],
      ['https', 'does not speak TLS'],
    ]) {
      const connection = await connect(kubeconfig(`${scheme}://127.0.0.1:${port}`));
      expect((await failureOf(connection.get('/version'))).message).toContain(words);
    }
    server.close();
  });

  it.each(['ftp://x', 'https://', 'http://a b'])('and %j is no server', async (server) => {
    expect((await failureOf(connect(kubeconfig(server)))).message).toContain('is not a URL');
  });
});

async function freePort(): Promise<number> {
  const server = createTcpServer();
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const address = server.address();
  await new Promise((done) => server.close(done));
  return typeof address === 'object' && address !== null ? address.port : 0;
}

const noOpenssl = without('openssl', 'version');

describe.skipIf(noOpenssl !== null)('over TLS', () => {
  let certificates: Certificates;
  let api: FakeApi;
  beforeAll(() => {
    certificates = makeCertificates(`${scratch.root}/pki`);
  });
  beforeEach(async () => {
    const { certificate, key, ca } = certificates;
    const options = { cert: readFileSync(certificate), key: readFileSync(key), ca: readFileSync(ca) };
    api = await startFakeApi({ ...options, requestCert: true, rejectUnauthorized: false });
  });
  afterEach(() => api.close());

  const trusting = (user: string): string => kubeconfig(api.url, user, 'certificate-authority: pki/ca.pem');

  it('trusts the authority, sends the token, and keeps its connections', async () => {
    const connection = await connect(trusting('{token: secret}'));
    for (let n = 0; n < 10; n += 1) await connection.get('/version');
    expect(api.seen.every(({ headers }) => headers['authorization']?.[0] === 'Bearer secret')).toBe(true);
    // undici opens a second one while the first is still setting up.
    expect(api.connections()).toBeLessThanOrEqual(2);
  });

  it('takes certificate data before a file', async () => {
    const data = readFileSync(certificates.ca).toString('base64');
    const cluster = `certificate-authority: /nowhere, certificate-authority-data: ${data}`;
    const connection = await connect(kubeconfig(api.url, '{}', cluster));
    expect(await connection.get('/version')).toEqual({ gitVersion: 'v1.37.2' });
  });

  it('does not trust a stranger', async () => {
    const error = await failureOf((await connect(kubeconfig(api.url))).get('/version'));
    expect(error.message).toBe(
      'Unable to connect to the server: tls: failed to verify certificate: x509: certificate signed by unknown authority',
    );
    expect(error.suggestion).toContain('certificate-authority');
    expect(error.suggestion).not.toContain('insecure');
  });

  it('checks the name, or the name it is told to check', async () => {
    const named = `https://localhost:${new URL(api.url).port}`;
    const config = kubeconfig(named, '{}', 'certificate-authority: pki/ca.pem');
    const error = await failureOf((await connect(config)).get('/version'));
    expect(error.message).toContain('x509: certificate is not valid for localhost');
    await (await connect(config, { tlsServerName: 'api.lab' })).get('/version');
  });

  it('trusts anybody only when told to', async () => {
    await (await connect(kubeconfig(api.url), { insecureSkipTlsVerify: true })).get('/version');
    const both = kubeconfig(api.url, '{}', 'certificate-authority: pki/ca.pem, insecure-skip-tls-verify: true');
    expect((await failureOf(connect(both))).message).toContain('with the insecure flag is not allowed');
  });

  it('sends a client certificate', async () => {
    const user = '{client-certificate: pki/client.pem, client-key: pki/client.key}';
    const connection = await connect(trusting(user));
    await connection.get('/version');
    expect(api.clientNames()).toEqual(['cert-user']);
  });

  it.each([
    ['{client-certificate: pki/client.pem}', 'client-key-data or client-key must be specified for someone'],
    ['{client-certificate: pki/client.pem, client-key: pki/server.key}', 'do not belong together'],
    ['{client-certificate: pki/none.pem, client-key: pki/server.key}', 'unable to read client-certificate'],
    [
      '{client-certificate-data: "!", client-key: pki/client.key}',
      'client-certificate-data of "someone" is not base64',
    ],
    ['{client-certificate: config, client-key: pki/client.key}', 'is not a PEM certificate'],
    ['{client-certificate: pki/client.pem, client-key: config}', 'is not an unencrypted PEM private key'],
    ['{tokenFile: none}', 'unable to read the token file: ENOENT'],
    ['{token: a, username: b}', 'more than one authentication method found for someone'],
    ['{auth-provider: {name: gcp}}', 'The gcp auth plugin has been removed'],
  ])('refuses the user %s before any request', async (user, message) => {
    expect((await failureOf(connect(trusting(user)))).message).toContain(message);
    expect(api.seen).toEqual([]);
  });

  it('says until when a client certificate was valid, before any request', async () => {
    const user = '{client-certificate: pki/expired.pem, client-key: pki/expired.key}';
    const error = await failureOf(connect(trusting(user)));
    expect(error.message).toMatch(/^the client certificate of "someone" expired at \d{4}-\d\d-\d\dT/);
    expect(error.suggestion).toContain('check the clock of this machine');
    expect(api.seen).toEqual([]);
  });

  it('says that the certificate of the server is no longer valid', async () => {
    const folder = `${scratch.root}/pki`;
    const old = await startFakeApi({
      cert: readFileSync(`${folder}/expired.pem`),
      key: readFileSync(`${folder}/expired.key`),
    });
    const config = kubeconfig(old.url, '{}', 'certificate-authority: pki/ca.pem');
    const error = await failureOf((await connect(config)).get('/version'));
    expect(error.message).toContain('x509: certificate has expired');
    await old.close();
  });

  it('says who must log in', async () => {
    api.fault = (_, response) => {
      sendStatus(response, 401, 'Unauthorized', 'Unauthorized');
      return true;
    };
    const error = await failureOf((await connect(trusting('{token: old}'))).get('/version'));
    expect(error.message).toBe('error: You must be logged in to the server (Unauthorized)');
    expect(api.seen).toHaveLength(1);
  });

  it('reads a token file again when the server refuses its token', async () => {
    scratch.write('token', 'first\n');
    api.fault = ({ headers }, response) => {
      const refused = headers['authorization']?.[0] !== 'Bearer second';
      if (refused) sendStatus(response, 401, 'Unauthorized', 'Unauthorized');
      return refused;
    };
    const connection = await connect(trusting('{tokenFile: token, token: fallback}'));
    scratch.write('token', 'second\n');
    await connection.get('/version');
    expect(api.seen.map(({ headers }) => headers['authorization']?.[0])).toEqual(['Bearer first', 'Bearer second']);
  });

  it('sends a password', async () => {
    await (await connect(trusting('{username: u, password: "p:w"}'))).get('/version');
    expect(api.seen[0]?.headers['authorization']).toEqual([`Basic ${Buffer.from('u:p:w').toString('base64')}`]);
  });

  it('goes through the proxy of the kubeconfig, and names it without its password', async () => {
    const proxy = await startProxy(Number(new URL(api.url).port));
    const through = (to: number): string =>
      kubeconfig(
        api.url,
        '{token: t}',
        `certificate-authority: pki/ca.pem, proxy-url: "http://me:secret@127.0.0.1:${to}"`,
      );
    const connection = await connect(through(proxy.port));
    await connection.get('/version');
    expect(proxy.asked).toEqual([`CONNECT ${new URL(api.url).host} HTTP/1.1`]);
    await connection.close();
    proxy.close();
    const error = await failureOf((await connect(through(await freePort()))).get('/version'));
    expect(error.message).toMatch(/through the proxy http:\/\/127\.0\.0\.1:\d+\)$/);
  });
});
