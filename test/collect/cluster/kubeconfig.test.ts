import { execFileSync } from 'node:child_process';
import { delimiter, join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import type { ClusterFlags } from '../../../src/collect/cluster/index.ts';
import { loadKubeconfig } from '../../../src/collect/cluster/kubeconfig.ts';
import { resolveConfig } from '../../../src/collect/cluster/resolve-config.ts';
import type { ResolvedConfig } from '../../../src/collect/cluster/resolve-config.ts';
import { failureOf, kubeconfig, scratchFolder, without } from './lab.ts';

const scratch = scratchFolder();
afterAll(() => scratch.remove());

const FILES: Record<string, string> = {
  'a.yaml': `
apiVersion: v1
kind: Config
clusters:
- {name: one, cluster: {server: "https://a-one:6443", certificate-authority: pki/ca.crt}}
- {name: two, cluster: {server: "https://a-two:6443"}}
users:
- {name: me, user: {token: from-a}}
- {name: filed, user: {tokenFile: tokens/t, client-certificate: c.pem, client-key: /abs/k.pem}}
- {name: exec, user: {exec: {apiVersion: client.authentication.k8s.io/v1, command: ./bin/login, interactiveMode: Never}}}
- {name: path, user: {exec: {apiVersion: client.authentication.k8s.io/v1, command: login, interactiveMode: Never}}}
contexts:
- {name: x, context: {cluster: one, user: me, namespace: from-a}}
- {name: filed, context: {cluster: two, user: filed}}
- {name: exec, context: {cluster: two, user: exec}}
- {name: path, context: {cluster: two, user: path}}
current-context: x
`,
  'sub/b.yaml': `
kind: Config
apiVersion: v1
clusters:
- {name: one, cluster: {server: "https://b-one:6443", insecure-skip-tls-verify: true}}
- {name: three, cluster: {server: "https://b-three:6443/base/", certificate-authority: pki/ca.crt}}
users:
- {name: me, user: {username: from-b, password: secret}}
- {name: you, user: {token: yours, as: boss, as-groups: [g1, g2]}}
contexts:
- {name: x, context: {cluster: three, user: you}}
- {name: why, context: {cluster: three, user: you, namespace: from-b}}
current-context: why
`,
  'no-current.yaml': `
apiVersion: v1
kind: Config
contexts: [{name: z, context: {cluster: two, user: me}}]
`,
  'json.yaml': JSON.stringify(parse(kubeconfig('https://json:6443', '{token: "1"}'))),
  'bom.yaml': `\uFEFF${kubeconfig('https://bom:6443')}`,
  'anchors.yaml': `
apiVersion: v1
kind: Config
x: &c {server: "https://merged:6443"}
clusters: [{name: c, cluster: {<<: *c, tls-server-name: t}}]
contexts: [{name: t, context: {cluster: c}}]
current-context: t
`,
  'empty.yaml': '',
  'comment.yaml': '# nothing\n',
};
for (const [path, content] of Object.entries(FILES)) scratch.write(path, content);
const path = (name: string): string => join(scratch.root, name);

async function resolveWith(files: string[] | null, flags: ClusterFlags): Promise<ResolvedConfig> {
  const environment = scratch.environment(files === null ? {} : { KUBECONFIG: files.map(file).join(delimiter) });
  return resolveConfig(await loadKubeconfig(flags, environment), flags, environment);
}

/** '' stays: a list may have an empty name. */
function file(name: string): string {
  return name === '' ? '' : path(name);
}

/** What kubectl sees: its own merge, minified to the context in use. */
function kubectlView(files: string[], flags: string[]): unknown {
  const output = execFileSync(
    'kubectl',
    ['config', 'view', '--merge', '--raw', '--minify', '--flatten=false', '-o', 'json', ...flags],
    {
      env: { ...process.env, KUBECONFIG: files.map(file).join(delimiter), HOME: scratch.root },
      cwd: scratch.root,
      encoding: 'utf8',
    },
  );
  return JSON.parse(output);
}

interface Case {
  readonly files: string[];
  readonly flags?: ClusterFlags;
  /** What must be found; what is not named is not looked at. */
  readonly found: Partial<ResolvedConfig>;
}

const CASES: Record<string, Case> = {
  'the first current-context and the first entry win, whole': {
    files: ['a.yaml', 'sub/b.yaml'],
    found: {
      context: 'x',
      namespace: 'from-a',
      cluster: { server: 'https://a-one:6443', 'certificate-authority': path('pki/ca.crt') },
      user: { token: 'from-a' },
    },
  },
  'the other way round': {
    files: ['sub/b.yaml', 'a.yaml'],
    found: {
      context: 'why',
      namespace: 'from-b',
      cluster: { server: 'https://b-three:6443/base/', 'certificate-authority': path('sub/pki/ca.crt') },
      user: { token: 'yours', as: 'boss', 'as-groups': ['g1', 'g2'] },
    },
  },
  'a context of the second file uses entries of the first': {
    files: ['sub/b.yaml', 'a.yaml'],
    flags: { context: 'filed' },
    found: { context: 'filed', namespace: 'default', cluster: { server: 'https://a-two:6443' } },
  },
  'the same context in both files is that of the first': {
    files: ['sub/b.yaml', 'a.yaml'],
    flags: { context: 'x' },
    found: { context: 'x', namespace: 'default', clusterName: 'three', userName: 'you' },
  },
  'a missing file is skipped': { files: ['gone.yaml', 'a.yaml'], found: { context: 'x', clusterName: 'one' } },
  'empty names and empty files are nothing': {
    files: ['', 'empty.yaml', '', 'comment.yaml', 'a.yaml'],
    found: { context: 'x', clusterName: 'one' },
  },
  'a file without current-context leaves it to the next': {
    files: ['no-current.yaml', 'a.yaml'],
    flags: { context: 'z' },
    found: { context: 'z', cluster: { server: 'https://a-two:6443' }, user: { token: 'from-a' } },
  },
  'JSON is YAML': {
    files: ['json.yaml'],
    found: { context: 'lab', namespace: 'team', cluster: { server: 'https://json:6443' }, user: { token: '1' } },
  },
  'merge keys are merged': {
    files: ['anchors.yaml'],
    found: { context: 't', cluster: { server: 'https://merged:6443', 'tls-server-name': 't' } },
  },
  'paths are those of their own file': {
    files: ['a.yaml'],
    flags: { context: 'filed' },
    found: {
      context: 'filed',
      cluster: { server: 'https://a-two:6443' },
      user: { tokenFile: path('tokens/t'), 'client-certificate': path('c.pem'), 'client-key': '/abs/k.pem' },
    },
  },
};

describe('the merged configuration', () => {
  it.each(Object.entries(CASES))('%s', async (_, { files, flags, found }) => {
    expect(await resolveWith(files, flags ?? {})).toEqual(expect.objectContaining(found));
  });

  const noKubectl = without('kubectl', 'version', '--client');
  it.skipIf(noKubectl !== null).each(Object.entries(CASES))('%s: kubectl agrees', async (_, { files, flags = {} }) => {
    const { context, cluster, clusterName, user, userName } = await resolveWith(files, flags);
    const seen = kubectlView(files, flags.context === undefined ? [] : [`--context=${flags.context}`]);
    const token = user['token'] === undefined ? {} : { token: user['token'] };
    expect(seen).toMatchObject({
      clusters: [{ name: clusterName, cluster: { server: cluster['server'] } }],
      contexts: [{ name: context }],
      'current-context': context,
      users: userName === '' ? null : [{ name: userName, user: token }],
    });
  });

  it('resolves a command with a separator, and leaves a bare one to PATH', async () => {
    expect((await resolveWith(['a.yaml'], { context: 'exec' })).user).toMatchObject({
      exec: { command: path('bin/login') },
    });
    expect((await resolveWith(['a.yaml'], { context: 'path' })).user).toMatchObject({ exec: { command: 'login' } });
  });

  it('reads a file that begins with a byte order mark', async () => {
    expect((await resolveWith(['bom.yaml'], {})).cluster['server']).toBe('https://bom:6443');
  });

  it('is that of --kubeconfig alone when it is given', async () => {
    expect((await resolveWith(['a.yaml'], { kubeconfig: 'sub/b.yaml' })).context).toBe('why');
    const error = await failureOf(resolveWith(['a.yaml'], { kubeconfig: 'gone.yaml' }));
    expect(error.message).toBe('stat gone.yaml: no such file or directory');
    expect(error.exitCode).toBe(2);
  });

  it('is ~/.kube/config without either', async () => {
    scratch.write('home/.kube/config', kubeconfig('https://home:6443'));
    expect((await resolveWith(null, {})).cluster['server']).toBe('https://home:6443');
  });
});

function of(flags: ClusterFlags): Promise<ResolvedConfig> {
  return resolveWith(['a.yaml', 'sub/b.yaml'], flags);
}

describe('flags', () => {
  it('override namespace, cluster, user and server', async () => {
    const found = await of({ namespace: 'mine', cluster: 'two', user: 'you', server: 'https://flag:1' });
    expect(found).toMatchObject({ namespace: 'mine', clusterName: 'two', userName: 'you' });
    expect(found.cluster['server']).toBe('https://flag:1');
  });

  it('that are empty count as not given', async () => {
    expect(await of({ namespace: '', context: '', token: '', server: '' })).toEqual(await of({}));
  });

  it('about trust replace what the file says about trust', async () => {
    const insecure = (await of({ insecureSkipTlsVerify: true })).cluster;
    expect(insecure).toEqual({ server: 'https://a-one:6443', 'insecure-skip-tls-verify': true });
    const trusted = (await of({ certificateAuthority: 'other.crt' })).cluster;
    expect(trusted).toMatchObject({ 'certificate-authority': path('other.crt'), 'insecure-skip-tls-verify': false });
  });

  it('name another user beside what the file has of groups, as kubectl does', async () => {
    const { user } = await of({ user: 'you', as: 'other' });
    expect(user).toMatchObject({ as: 'other', 'as-groups': ['g1', 'g2'] });
    expect((await of({ user: 'you', asGroups: ['h'] })).user).toMatchObject({ as: 'boss', 'as-groups': ['h'] });
  });

  it('alone are enough', async () => {
    const found = await resolveWith(['empty.yaml'], { server: 'https://flag:1', token: 't' });
    expect(found).toMatchObject({ context: null, namespace: 'default', user: { token: 't' } });
  });

  it.each([
    [
      { context: 'whi' },
      'context "whi" does not exist in the kubeconfig; did you mean',
      'It has: exec, filed, path, why, x',
    ],
    [{ cluster: 'tow' }, 'cluster "tow" does not exist in the kubeconfig', 'It has: one, three, two'],
    [{ cluster: 'thre' }, 'did you mean "three"?', 'three'],
    [{ user: 'nobody' }, 'user "nobody" does not exist in the kubeconfig', 'It has: exec, filed, me, path, you'],
  ])('%j that name nothing are refused', async (flags, message, suggestion) => {
    const error = await failureOf(of(flags));
    expect(error.message).toContain(message);
    expect(error.suggestion).toContain(suggestion);
  });

  it('do not need a user that the kubeconfig lacks when they bring a token', async () => {
    expect((await of({ user: 'nobody', token: 't' })).user).toEqual({ token: 't' });
  });
});

describe('a file that is wrong', () => {
  it.each([
    ['clusters: [\n  oops\nusers: ]]', /line \d+, column \d+/],
    ['a:\n\t- tab', /line 2/],
    ['- a\n- b', /expected a mapping/],
    ['just text', /expected a mapping/],
    ['kind: Pod', /found `kind: Pod`/],
    ['clusters: [{name: c}, {name: c}]', /duplicate cluster name "c"/],
    [Buffer.from('kind: Config', 'utf16le').toString('latin1'), /error loading config file/],
  ])('%j is refused with its place', async (content, message) => {
    scratch.write('wrong.yaml', content);
    const error = await failureOf(resolveWith(['wrong.yaml'], {}));
    expect(error.message).toContain(path('wrong.yaml'));
    expect(error.message).toMatch(message);
  });

  it('is refused when it is a folder', async () => {
    expect((await failureOf(resolveWith(['sub'], {}))).message).toContain('EISDIR');
  });

  it('cannot change what objects are', async () => {
    scratch.write('proto.yaml', `${kubeconfig('https://x:1')}__proto__: {polluted: true}\n`);
    await resolveWith(['proto.yaml'], {});
    expect('polluted' in {}).toBe(false);
  });
});

describe('without any server', () => {
  it('says where it looked', async () => {
    const error = await failureOf(resolveWith(['gone.yaml', 'empty.yaml'], {}));
    expect(error.message).toContain(`${path('gone.yaml')} (does not exist)`);
    expect(error.message).toContain(`${path('empty.yaml')} (names no cluster to use)`);
    expect(error.suggestion).toContain('--kubeconfig');
  });

  it("uses a pod's own service account, and only then", async () => {
    scratch.write('service-account/token', 'pod-token');
    scratch.write('service-account/namespace', 'pod-namespace\n');
    const variables = {
      KUBECONFIG: path('empty.yaml'),
      KUBERNETES_SERVICE_HOST: 'fd00::1',
      KUBERNETES_SERVICE_PORT: '443',
    };
    const environment = scratch.environment(variables);
    const pod = await resolveConfig(await loadKubeconfig({}, environment), {}, environment);
    expect(pod).toMatchObject({
      context: null,
      namespace: 'pod-namespace',
      cluster: { server: 'https://[fd00::1]:443', 'certificate-authority': path('service-account/ca.crt') },
      user: { tokenFile: path('service-account/token') },
    });
    const flags = { server: 'https://flag:1' };
    const flagged = await resolveConfig(await loadKubeconfig(flags, environment), flags, environment);
    expect(flagged.cluster['server']).toBe('https://flag:1');
  });
});
