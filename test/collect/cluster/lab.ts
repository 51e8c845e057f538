import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { ClusterEnvironment } from '../../../src/collect/cluster/index.ts';
import { ClusterError } from '../../../src/collect/cluster/index.ts';

/** A folder of kubeconfigs, and the environment that points at it. */
export interface Scratch {
  readonly root: string;
  readonly warnings: string[];
  write(path: string, content: string, mode?: number): string;
  environment(variables?: Record<string, string>): ClusterEnvironment;
  remove(): void;
}

export function scratchFolder(): Scratch {
  const root = mkdtempSync(join(tmpdir(), 'svcdoctor-cluster-'));
  const warnings: string[] = [];
  return {
    root,
    warnings,
    write(path, content, mode = 0o600) {
      const full = join(root, path);
      mkdirSync(dirname(full), { recursive: true });
      writeFileSync(full, content, { mode });
      return full;
    },
    environment: (variables = {}) => ({
      variables: { PATH: process.env['PATH'], ...variables },
      homeDirectory: join(root, 'home'),
      workingDirectory: root,
      interactive: false,
      serviceAccountDirectory: join(root, 'service-account'),
      warn: (message) => warnings.push(message),
      retry: { baseDelayMs: 1, maxDelayMs: 5, budgetMs: 3000 },
    }),
    remove: () => rmSync(root, { recursive: true, force: true }),
  };
}

/** A kubeconfig with one context `lab`; `user` in flow style. */
export function kubeconfig(server: string, user = '{}', cluster = ''): string {
  return `apiVersion: v1
kind: Config
clusters: [{name: lab, cluster: {server: "${server}"${cluster === '' ? '' : `, ${cluster}`}}}]
users: [{name: someone, user: ${user}}]
contexts: [{name: lab, context: {cluster: lab, user: someone, namespace: team}}]
current-context: lab
`;
}

/** The error of a promise that must fail with one. */
export async function failureOf(promise: Promise<unknown>): Promise<ClusterError> {
  const error: unknown = await promise.then(
    () => new Error('it succeeded'),
    (failure: unknown) => failure,
  );
  if (error instanceof ClusterError) return error;
  throw new Error('not a ClusterError', { cause: error });
}

/** Why something of this machine cannot be used, or null. Said aloud, so that nobody takes a skip for a pass. */
export function without(program: string, ...args: string[]): string | null {
  try {
    execFileSync(program, args, { stdio: 'ignore' });
    return null;
  } catch {
    console.warn(`SKIPPED: ${program} is not there`);
    return `${program} is not there`;
  }
}

export interface Certificates {
  readonly ca: string;
  readonly certificate: string;
  readonly key: string;
  readonly clientCertificate: string;
  readonly clientKey: string;
}

function openssl(...args: string[]): void {
  execFileSync('openssl', args, { stdio: 'ignore' });
}

/**
 * An authority, a server certificate for 127.0.0.1 and a client certificate for the user `cert-user`; paths of PEM files. Beside
 * them `expired.pem` and `expired.key`, valid until yesterday.
 */
export function makeCertificates(folder: string): Certificates {
  mkdirSync(folder, { recursive: true });
  const path = (name: string): string => join(folder, name);
  const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  openssl(
    'req',
    '-x509',
    ...newKey,
    '-keyout',
    path('ca.key'),
    '-out',
    path('ca.pem'),
    '-days',
    '2',
    '-subj',
    '/CN=lab-ca',
  );
  for (const [name, subject, extension, days] of [
    ['server', '/CN=api', 'subjectAltName=IP:127.0.0.1,DNS:api.lab', '2'],
    ['client', '/CN=cert-user', 'extendedKeyUsage=clientAuth', '2'],
    ['expired', '/CN=api', 'subjectAltName=IP:127.0.0.1', '-1'],
  ] as const) {
    writeFileSync(path(`${name}.ext`), extension);
    openssl('req', ...newKey, '-keyout', path(`${name}.key`), '-out', path(`${name}.csr`), '-subj', subject);
    const sign = ['-CA', path('ca.pem'), '-CAkey', path('ca.key'), '-CAcreateserial', '-days', days];
    openssl(
      'x509',
      '-req',
      '-in',
      path(`${name}.csr`),
      ...sign,
      '-extfile',
      path(`${name}.ext`),
      '-out',
      path(`${name}.pem`),
    );
  }
  return {
    ca: path('ca.pem'),
    certificate: path('server.pem'),
    key: path('server.key'),
    clientCertificate: path('client.pem'),
    clientKey: path('client.key'),
  };
}

export function text(path: string): string {
  return readFileSync(path, 'utf8');
}

/** An HTTP proxy on 127.0.0.1 that leads every CONNECT to one port of it. */
export async function startProxy(target: number) {
  /** The first line of each request. */
  const asked: string[] = [];
  const proxy = createServer((socket) => {
    socket.once('data', (head) => {
      asked.push(head.toString('latin1').split('\r\n')[0] ?? '');
      const to = connect(target, '127.0.0.1', () => {
        socket.write('HTTP/1.1 200 OK\r\n\r\n');
        socket.pipe(to).pipe(socket);
      });
      to.on('error', () => socket.destroy());
      socket.on('error', () => to.destroy());
    });
  });
  proxy.listen(0, '127.0.0.1');
  await once(proxy, 'listening');
  const address = proxy.address();
  return {
    port: typeof address === 'object' && address !== null ? address.port : 0,
    asked,
    close: () => proxy.close(),
  };
}
