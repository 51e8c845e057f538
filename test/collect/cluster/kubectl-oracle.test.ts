import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { connectCluster } from '../../../src/collect/cluster/index.ts';
import type { ClusterFlags } from '../../../src/collect/cluster/index.ts';
import { startFakeApi } from './fake-api.ts';
import type { FakeApi, Seen } from './fake-api.ts';
import { failureOf, kubeconfig, makeCertificates, scratchFolder, text, without } from './lab.ts';
import type { Certificates } from './lab.ts';

/** Who sends a request, seen by the server: kubectl's own requests are the measure. */

const scratch = scratchFolder();
afterAll(() => scratch.remove());

const run = promisify(execFile);
const skip = without('kubectl', 'version', '--client') ?? without('openssl', 'version');

/** Headers that say who asks. kubectl may send the values of one header in any order. */
function identity(seen: Seen | undefined): Record<string, string[]> {
  const entries = Object.entries(seen?.headers ?? {}).filter(([name]) => /^(authorization|impersonate-)/.test(name));
  return Object.fromEntries(entries.sort().map(([name, values]) => [name, [...(values ?? [])].sort()]));
}

const USERS: Record<string, string> = {
  'a token': '{token: a}',
  'a token file and a token': '{tokenFile: token, token: a}',
  'a password': '{username: u, password: p}',
  impersonation:
    '{token: a, as: bob, as-groups: [g1, "g,2"], as-uid: "7", as-user-extra: {Scopes/x: [v1, v2], other: [z]}}',
  'a plugin and a token':
    '{token: a, exec: {command: no-such, apiVersion: client.authentication.k8s.io/v1, interactiveMode: Never}}',
};

const FLAGS: Record<string, readonly [ClusterFlags, readonly string[]]> = {
  'no flags': [{}, []],
  '--token': [{ token: 'flag' }, ['--token=flag']],
  '--as and --as-group': [{ as: 'al', asGroups: ['h'] }, ['--as=al', '--as-group=h']],
  '--as alone': [{ as: 'al' }, ['--as=al']],
};

const CASES = Object.entries(USERS).flatMap(([user, section]) =>
  Object.entries(FLAGS).map(([flag, [flags, argv]]) => ({ name: `${user}, ${flag}`, section, flags, argv })),
);

describe.skipIf(skip !== null)('the identity in a request', () => {
  let certificates: Certificates;
  let tls: FakeApi;
  let plain: FakeApi;
  beforeAll(() => {
    certificates = makeCertificates(`${scratch.root}/pki`);
    scratch.write('token', 'filed\n');
  });
  beforeEach(async () => {
    tls = await startFakeApi({ cert: text(certificates.certificate), key: text(certificates.key) });
    plain = await startFakeApi();
  });
  afterEach(() => Promise.all([tls.close(), plain.close()]));

  async function byKubectl(argv: readonly string[]): Promise<string> {
    const all = [`--kubeconfig=${scratch.root}/config`, ...argv, 'get', '--raw', '/version'];
    const env = { PATH: process.env['PATH'], HOME: scratch.root };
    const running = run('kubectl', all, { env });
    // Without any credentials it would ask for a name.
    running.child.stdin?.end();
    return running.then(
      () => '',
      (error: unknown) => (error instanceof Error && 'stderr' in error ? String(error.stderr) : String(error)),
    );
  }

  it.each(CASES)('is that of kubectl: $name', async ({ section, flags, argv }) => {
    for (const [api, trust] of [
      [tls, 'certificate-authority: pki/ca.pem'],
      [plain, ''],
    ] as const) {
      api.seen.length = 0;
      scratch.write('config', kubeconfig(api.url, section, trust));
      const complaint = await byKubectl(argv);
      const theirs = identity(api.seen.at(-1));
      api.seen.length = 0;
      const opening = connectCluster({ kubeconfig: 'config', ...flags }, scratch.environment());
      if (complaint === '') {
        const connection = await opening;
        await connection.get('/version');
        await connection.close();
        expect(identity(api.seen.at(-1))).toEqual(theirs);
      } else {
        expect(complaint).toContain((await failureOf(opening)).message);
      }
    }
  });

  it('fails in the words of kubectl', async () => {
    for (const server of [plain.url, tls.url]) {
      await Promise.all([plain.close(), tls.close()]);
      scratch.write(
        'config',
        kubeconfig(server, '{token: a}', server.startsWith('https') ? 'insecure-skip-tls-verify: true' : ''),
      );
      const connection = await connectCluster({ kubeconfig: 'config' }, scratch.environment());
      expect(await byKubectl([])).toContain((await failureOf(connection.get('/version'))).message);
    }
  });

  it('distrusts in the words of kubectl', async () => {
    scratch.write('config', kubeconfig(tls.url, '{token: a}'));
    const connection = await connectCluster({ kubeconfig: 'config' }, scratch.environment());
    expect(await byKubectl([])).toContain((await failureOf(connection.get('/version'))).message);
    await connection.close();
  });
});
