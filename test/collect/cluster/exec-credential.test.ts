import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { connectCluster } from '../../../src/collect/cluster/index.ts';
import type { ClusterConnection } from '../../../src/collect/cluster/index.ts';
import { execPlugin, runExecPlugin } from '../../../src/collect/cluster/exec-credential.ts';
import { sendStatus, startFakeApi } from './fake-api.ts';
import type { FakeApi } from './fake-api.ts';
import { failureOf, kubeconfig, makeCertificates, scratchFolder, text, without } from './lab.ts';
import type { Certificates } from './lab.ts';

const scratch = scratchFolder();
afterAll(() => scratch.remove());

const V1 = 'client.authentication.k8s.io/v1';

/** A plugin in JavaScript: leaves a line in `runs` each time, then does `body`. Its path goes into the kubeconfig. */
function plugin(name: string, body: string): string {
  const runs = join(scratch.root, `${name}.runs`);
  const head = `#!${process.execPath}\nconst fs = require('node:fs');\nfs.appendFileSync(${JSON.stringify(runs)}, (process.env.KUBERNETES_EXEC_INFO ?? 'none') + '\\n');\n`;
  return scratch.write(`${name}.cjs`, head + body, 0o700);
}

function runsOf(name: string): string[] {
  const path = join(scratch.root, `${name}.runs`);
  return existsSync(path) ? text(path).trim().split('\n') : [];
}

function printing(status: unknown, more: Record<string, unknown> = {}): string {
  return `console.log(${JSON.stringify(JSON.stringify({ apiVersion: V1, kind: 'ExecCredential', status, ...more }))});`;
}

const AROUND = { variables: { PATH: process.env['PATH'], HOME: '/h' }, interactive: false };

const base = { apiVersion: V1, command: 'x', interactiveMode: 'Never' };

function asks(mode: string | undefined, interactive: boolean, apiVersion = V1): boolean {
  return execPlugin({ ...base, apiVersion, interactiveMode: mode }, 'u', {}, { ...AROUND, interactive }).interactive;
}

describe('the section of the kubeconfig', () => {
  it.each([
    [{ ...base, command: undefined }, 'command must be specified for u to use exec authentication plugin'],
    [{ ...base, apiVersion: undefined }, 'apiVersion must be specified for u to use exec authentication plugin'],
    [
      { ...base, interactiveMode: undefined },
      'interactiveMode must be specified for u to use exec authentication plugin',
    ],
    [{ ...base, interactiveMode: 'Perhaps' }, 'invalid interactiveMode for u: "Perhaps"'],
    [{ ...base, apiVersion: 'client.authentication.k8s.io/v1alpha1' }, 'exec plugin: invalid apiVersion'],
    [{ ...base, interactiveMode: 'Always' }, 'standard input is not a terminal'],
  ])('%j is refused', (exec, message) => {
    expect(() => execPlugin(exec, 'u', {}, AROUND)).toThrow(message);
  });

  it('decides who may be asked', () => {
    expect([asks('Never', true), asks('IfAvailable', true), asks('IfAvailable', false), asks('Always', true)]).toEqual([
      false,
      true,
      false,
      true,
    ]);
    expect(asks(undefined, true, 'client.authentication.k8s.io/v1beta1')).toBe(true);
  });

  it('tells the plugin about the cluster only when it wants to know', () => {
    const cluster = {
      server: 'https://s:1',
      'certificate-authority-data': 'Q0E=',
      'insecure-skip-tls-verify': false,
      extensions: [{ name: 'client.authentication.k8s.io/exec', extension: { audience: 'a' } }],
    };
    const info = (provideClusterInfo: boolean): unknown =>
      JSON.parse(
        execPlugin({ ...base, provideClusterInfo }, 'u', cluster, AROUND).variables['KUBERNETES_EXEC_INFO'] ?? '',
      );
    expect(info(false)).toEqual({ kind: 'ExecCredential', apiVersion: V1, spec: { interactive: false } });
    expect(info(true)).toEqual({
      kind: 'ExecCredential',
      apiVersion: V1,
      spec: {
        interactive: false,
        cluster: { server: 'https://s:1', 'certificate-authority-data': 'Q0E=', config: { audience: 'a' } },
      },
    });
  });

  it('gives variables as they are written', () => {
    const exec = { ...base, env: [{ name: 'A', value: '$HOME' }] };
    expect(execPlugin(exec, 'u', {}, AROUND).variables).toMatchObject({ A: '$HOME', HOME: '/h' });
  });
});

function run(name: string, body: string): Promise<unknown> {
  const command = plugin(name, body);
  const exec = { apiVersion: V1, command, args: ['--password=hunter2'], interactiveMode: 'Never' };
  return runExecPlugin(execPlugin(exec, 'u', {}, AROUND));
}

describe('what a plugin answers', () => {
  it.each([
    ['exits', 'process.exit(3)', 'failed with exit code 3'],
    ['dies', 'process.kill(process.pid, "SIGKILL")', 'was ended by SIGKILL'],
    ['junk', 'console.log("hello")', 'what it printed is not JSON'],
    ['nothing', '', 'what it printed is not JSON'],
    ['empty', 'console.log("{}")', 'it printed kind ""'],
    [
      'version',
      printing({ token: 't' }, { apiVersion: 'client.authentication.k8s.io/v1beta1' }),
      'plugin returned version',
    ],
    ['no-status', printing(undefined), "didn't return a status field"],
    ['no-token', printing({}), "didn't return a token or cert/key pair"],
    ['half', printing({ clientKeyData: 'k' }), 'only certificate or key'],
    ['expired', printing({ token: 't', expirationTimestamp: '2020-01-01T00:00:00Z' }), 'expired at 2020-01-01'],
    ['flood', 'process.stdout.write("x".repeat(3e6))', 'more than 1 MiB'],
  ])('%s: refused, without its arguments', async (name, body, message) => {
    const error = await failureOf(run(name, body));
    expect(error.message).toContain('Unable to connect to the server: getting credentials: exec');
    expect(error.message).toContain(message);
    expect(error.message + error.suggestion).not.toContain('hunter2');
  });

  it('is a token, a pair, and until when', async () => {
    const status = {
      token: 't',
      clientCertificateData: 'c',
      clientKeyData: 'k',
      expirationTimestamp: '2999-01-01T00:00:00Z',
    };
    expect(await run('good', printing(status))).toEqual({
      token: 't',
      certificate: 'c',
      key: 'k',
      expiresAt: Date.parse('2999-01-01T00:00:00Z'),
    });
  });

  it('is nothing when it is not installed: its own hint is shown', async () => {
    const exec = {
      apiVersion: V1,
      command: 'no-such-plugin',
      interactiveMode: 'Never',
      installHint: 'brew install it',
    };
    const error = await failureOf(runExecPlugin(execPlugin(exec, 'u', {}, AROUND)));
    expect(error.message).toContain('exec: executable no-such-plugin not found');
    expect(error.suggestion).toBe('brew install it');
  });

  it('may come with words for the person, as they are said', () => {
    const command = plugin('speaks', `process.stderr.write('enter code ABC\\n'); ${printing({ token: 't' })}`);
    const script = `
      import { execPlugin, runExecPlugin } from ${JSON.stringify(join(import.meta.dirname, '../../../src/collect/cluster/exec-credential.ts'))};
      const exec = { apiVersion: '${V1}', command: ${JSON.stringify(command)}, interactiveMode: 'Never' };
      console.log((await runExecPlugin(execPlugin(exec, 'u', {}, { variables: process.env, interactive: false }))).token);`;
    const path = scratch.write('speaker.mts', script);
    const output = execFileSync('sh', ['-c', `"${process.execPath}" "${path}" 2>&1`], { encoding: 'utf8' });
    expect(output).toContain('enter code ABC');
    expect(output).toMatch(/^t$/m);
  });
});

describe.skipIf(without('openssl', 'version') !== null)('a connection with a plugin', () => {
  let certificates: Certificates;
  let api: FakeApi;
  let connection: ClusterConnection | null = null;
  beforeAll(() => {
    certificates = makeCertificates(`${scratch.root}/pki`);
  });
  beforeEach(async () => {
    api = await startFakeApi({
      cert: text(certificates.certificate),
      key: text(certificates.key),
      ca: text(certificates.ca),
      requestCert: true,
      rejectUnauthorized: false,
    });
  });
  afterEach(async () => {
    await connection?.close();
    await api.close();
  });

  async function connect(name: string, body: string): Promise<ClusterConnection> {
    plugin(name, body);
    const user = `{exec: {apiVersion: ${V1}, command: ./${name}.cjs, interactiveMode: Never}}`;
    scratch.write('config', kubeconfig(api.url, user, 'certificate-authority: pki/ca.pem'));
    connection = await connectCluster({ kubeconfig: 'config' }, scratch.environment());
    return connection;
  }

  it('runs it once for many requests at once', async () => {
    const opened = await connect('once', printing({ token: 'a' }));
    expect(runsOf('once')).toEqual([]);
    await Promise.all(Array.from({ length: 8 }, () => opened.get('/version')));
    expect(runsOf('once')).toHaveLength(1);
    expect(api.seen[7]?.headers['authorization']).toEqual(['Bearer a']);
  });

  it('runs it once although it fails, and every request says so', async () => {
    const opened = await connect('fails', 'process.exit(1)');
    const results = await Promise.allSettled([opened.get('/version'), opened.get('/version'), opened.get('/version')]);
    expect(results.every(({ status }) => status === 'rejected')).toBe(true);
    expect(runsOf('fails')).toHaveLength(1);
    expect(api.seen).toEqual([]);
  });

  it('runs it again, once, when the server refuses its token', async () => {
    api.fault = ({ headers }, response) => {
      const refused = headers['authorization']?.[0] === 'Bearer 1';
      if (refused) sendStatus(response, 401, 'Unauthorized', 'Unauthorized');
      return refused;
    };
    const body = `const n = fs.readFileSync(__filename.replace('.cjs', '.runs'), 'utf8').trim().split('\\n').length;
      console.log(JSON.stringify({ apiVersion: '${V1}', kind: 'ExecCredential', status: { token: String(n) } }));`;
    const opened = await connect('again', body);
    await Promise.all(Array.from({ length: 4 }, () => opened.get('/version')));
    expect(runsOf('again')).toHaveLength(2);
  });

  it('gives up after the second refusal', async () => {
    api.fault = (_, response) => {
      sendStatus(response, 401, 'Unauthorized', 'Unauthorized');
      return true;
    };
    const opened = await connect('refused', printing({ token: 'a' }));
    expect((await failureOf(opened.get('/version'))).message).toContain('You must be logged in to the server');
    expect(runsOf('refused')).toHaveLength(2);
    expect(api.seen).toHaveLength(2);
  });

  it('runs it again when its credential ran out', async () => {
    const body = `console.log(JSON.stringify({ apiVersion: '${V1}', kind: 'ExecCredential',
      status: { token: 'x', expirationTimestamp: new Date(Date.now() + 400).toISOString() } }));`;
    const opened = await connect('short', body);
    await opened.get('/version');
    await opened.get('/version');
    expect(runsOf('short')).toHaveLength(1);
    await new Promise((done) => setTimeout(done, 450));
    await opened.get('/version');
    expect(runsOf('short')).toHaveLength(2);
  });

  it('shows the server the certificate it gave', async () => {
    const status = {
      clientCertificateData: text(certificates.clientCertificate),
      clientKeyData: text(certificates.clientKey),
    };
    const opened = await connect('pair', printing(status));
    await opened.get('/version');
    const socket = await opened.openSocket({ path: '/exec', protocols: ['p'], signal: new AbortController().signal });
    socket.terminate();
    expect(api.clientNames()).toEqual(['cert-user', 'cert-user']);
  });
});
