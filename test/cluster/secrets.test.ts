/**
 * Nothing secret leaves the cluster: every place of real API objects, of the configuration and of this machine that may hold a
 * secret has one that is recognised, and all bytes of all outputs and snapshots are searched for it.
 */
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { labUnavailable, startLab, type Lab } from './lab.ts';

const RUN = fileURLToPath(new URL('../../bin/run.js', import.meta.url));

/** Each place has a word of its own, so that a leak names it. */
const planted = new Set<string>();
function secret(place: string): string {
  const word = `canary-${place}-7f3a`;
  planted.add(word);
  return word;
}

function container(of: string, name: string) {
  return {
    name,
    image: 'lab.invalid/c',
    env: [{ name: 'PASSWORD', value: secret(`${of}-env`) }],
    envFrom: [{ secretRef: { name: secret(`${of}-env-from`) } }],
    ports: [{ name: 'http', containerPort: 80 }],
    volumeMounts: [{ name: 'v', mountPath: `/${secret(`${of}-mount`)}` }],
    workingDir: `/${secret(`${of}-working-dir`)}`,
    lifecycle: { postStart: { exec: { command: [secret(`${of}-hook`)] } } },
    livenessProbe: { exec: { command: [secret(`${of}-liveness`)] } },
    readinessProbe: {
      httpGet: {
        port: 80,
        path: `/${secret(`${of}-path`)}`,
        httpHeaders: [{ name: 'A', value: secret(`${of}-header`) }],
      },
    },
  };
}

function pod(of: string, command: Readonly<Record<string, readonly string[]>>) {
  return {
    annotations: { token: secret(`${of}-annotation`) },
    spec: {
      nodeName: 'rain-kubernetes-1',
      automountServiceAccountToken: false,
      volumes: [{ name: 'v', secret: { secretName: secret(`${of}-volume`) } }],
      imagePullSecrets: [{ name: secret(`${of}-pull`) }],
      containers: [{ ...container(of, of === 'pod' ? 'c' : 'kube-proxy'), ...command }],
    },
  };
}

const status = (of: string) => ({
  status: {
    phase: 'Running',
    containerStatuses: [
      {
        name: 'c',
        image: 'i',
        imageID: '',
        ready: false,
        restartCount: 1,
        state: { waiting: { reason: 'RunContainerError', message: `exec: "${secret(`${of}-waiting`)}"` } },
        lastState: { terminated: { exitCode: 1, reason: 'Error', message: secret(`${of}-last-words`) } },
      },
    ],
  },
});

const own = pod('pod', { command: [secret('pod-command')], args: [secret('pod-args')] });
const proxy = pod('proxy-pod', {});
const template = pod('proxy-set', {});
const settings = 'apiVersion: kubeproxy.config.k8s.io/v1alpha1\nkind: KubeProxyConfiguration\nmode: iptables\n';

const OBJECTS = [
  {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'secretive', namespace: 'default' },
    spec: { selector: { app: 'secretive' }, ports: [{ port: 80 }] },
  },
  {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'secretive', namespace: 'default', labels: { app: 'secretive' }, annotations: own.annotations },
    spec: own.spec,
  },
  {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: 'secretive', namespace: 'default' },
    stringData: { password: secret('secret') },
  },
  {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'kube-proxy', namespace: 'kube-system' },
    data: {
      'config.conf': settings,
      'kubeconfig.conf': `users:\n- user:\n    token: ${secret('kubeconfig-conf')}\n`,
      'other.yaml': `users:\n- user:\n    client-key-data: ${secret('kubeconfig-other')}\n`,
      id: `-----BEGIN PRIVATE KEY-----\n${secret('config-map-key')}\n`,
    },
    binaryData: { blob: Buffer.from(secret('binary')).toString('base64') },
  },
  {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name: 'kube-proxy-x',
      namespace: 'kube-system',
      labels: { 'k8s-app': 'kube-proxy' },
      annotations: proxy.annotations,
    },
    spec: proxy.spec,
  },
  {
    apiVersion: 'apps/v1',
    kind: 'DaemonSet',
    metadata: { name: 'kube-proxy', namespace: 'kube-system' },
    spec: {
      selector: { matchLabels: { set: 'x' } },
      template: {
        metadata: { labels: { set: 'x' }, annotations: template.annotations },
        // No node is like this: its pods would be those of the cluster.
        spec: { ...template.spec, nodeName: undefined, nodeSelector: { none: 'none' } },
      },
    },
  },
];

/** What must be there: an empty snapshot would hold no secret either. */
const CONTENT = ['KubeProxyConfiguration', 'kube-proxy-x', 'hostnames', '-A KUBE-SERVICES'];

/** For a machine that is busy with other tests. */
const PATIENCE = 180_000;

const unavailable = labUnavailable();

describe.skipIf(unavailable !== null)(`secrets${unavailable === null ? '' : ` (skipped: ${unavailable})`}`, () => {
  let lab: Lab;
  let other: ChildProcess | undefined;
  const scratch = mkdtempSync(join(tmpdir(), 'svcdoctor-secrets-'));
  const kubeconfig = join(scratch, 'kubeconfig');

  beforeAll(async () => {
    lab = await startLab();
    // The copy that kubectl apply leaves is in every one of them.
    kubectl(['apply', '-f', '-'], JSON.stringify({ apiVersion: 'v1', kind: 'List', items: OBJECTS }));
    for (const [namespace, name, of] of [
      ['default', 'secretive', 'pod'],
      ['kube-system', 'kube-proxy-x', 'proxy-pod'],
    ] as const) {
      const patch = JSON.stringify(status(of));
      kubectl(['patch', 'pod', name, '-n', namespace, '--subresource=status', '--type=strategic', '-p', patch]);
    }
    kubectl(['annotate', 'service', 'hostnames', `objectset.rio.cattle.io/applied=${secret('rancher')}`]);
    kubectl(['annotate', 'node', 'rain-kubernetes-1', `kapp.k14s.io/original=${secret('kapp')}`]);
    const config = JSON.parse(kubectl(['config', 'view', '--raw', '-o', 'json'])) as {
      users: { user: Record<string, unknown> }[];
    };
    for (const entry of config.users) entry.user['token'] = secret('kubeconfig-token');
    writeFileSync(kubeconfig, JSON.stringify(config), { mode: 0o600 });
    other = spawn('sh', ['-c', 'sleep 600; :', secret('command-line')], { stdio: 'ignore' });
  }, 900_000);

  afterAll(async () => {
    other?.kill();
    rmSync(scratch, { recursive: true, force: true });
    await lab?.down();
  });

  function kubectl(argv: readonly string[], input = ''): string {
    const answer = spawnSync(lab.kubectl, ['--kubeconfig', lab.kubeconfig, ...argv], { encoding: 'utf8', input });
    if (answer.status !== 0) throw new Error(answer.stderr);
    return answer.stdout;
  }

  const environment = () => ({ ...process.env, SVCDOCTOR_PASSWORD: secret('environment') });

  function doctor(...argv: readonly string[]): string {
    const all = [RUN, ...argv, '--kubeconfig', kubeconfig, '--ssh-config', lab.sshConfig];
    const answer = spawnSync(process.execPath, all, { encoding: 'utf8', timeout: 150_000, env: environment() });
    expect([0, 1]).toContain(answer.status);
    return answer.stdout + answer.stderr;
  }

  /** Which secrets are in a text; also the private keys that were used. */
  function leaks(text: string): readonly string[] {
    const keys = readFileSync(kubeconfig, 'utf8').match(/(?<=-data":")[^"]{40}/g) ?? [];
    expect(keys.length).toBeGreaterThan(0);
    return [...planted, ...keys, 'managedFields', 'last-applied-configuration'].filter((word) => text.includes(word));
  }

  function everyByte(folder: string): string {
    return readdirSync(folder, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => `${entry.name}\n${readFileSync(join(entry.parentPath, entry.name), 'utf8')}`)
      .join('\n');
  }

  it('are really there to be found', () => {
    const places = ['pods', 'services', 'nodes', 'configmaps', 'daemonsets', 'secrets'];
    const raw = kubectl(['get', places.join(','), '-A', '-o', 'json', '--show-managed-fields']);
    const found = leaks(raw);
    expect(found).toContain('managedFields');
    expect(found).toContain('last-applied-configuration');
    // Base64 hides two of them here; the kubeconfig's and this machine's are not in the API.
    expect(found.filter((word) => word.startsWith('canary')).length).toBeGreaterThan(planted.size - 6);
  });

  it.each(['table', 'wide', 'json', 'yaml', 'markdown', 'name'])(
    'are not in check -o %s',
    (format) => {
      const text = doctor('check', '-o', format);
      expect(text).toContain('secretive');
      expect(leaks(text)).toEqual([]);
    },
    PATIENCE,
  );

  it(
    'are not in what collect writes, folder or archive',
    () => {
      const folder = join(scratch, 'collected');
      expect(leaks(doctor('collect', '-f', folder))).toEqual([]);
      const text = everyByte(folder);
      expect(CONTENT.filter((word) => !text.includes(word))).toEqual([]);
      expect(leaks(text)).toEqual([]);
      const archive = join(scratch, 'collected.tgz');
      doctor('collect', '-f', archive);
      expect(leaks(gunzipSync(readFileSync(archive)).toString('utf8'))).toEqual([]);
    },
    PATIENCE,
  );

  it(
    'are not in the script, nor in what it gathers',
    () => {
      const path = join(scratch, 'collect.sh');
      const text = doctor('collect', '--print-script');
      expect(leaks(text)).toEqual(leaks('managedFields last-applied-configuration'));
      writeFileSync(path, text);
      const tools = join(scratch, 'tools');
      mkdirSync(tools);
      symlinkSync(lab.kubectl, join(tools, 'kubectl'));
      const answer = spawnSync('sh', [path, 'gathered'], {
        encoding: 'utf8',
        cwd: scratch,
        env: { ...environment(), PATH: `${tools}:${process.env['PATH'] ?? ''}` },
      });
      expect(answer.stderr).toBe('gathered.tar.gz holds the same\ngathered is complete\n');
      const gathered = everyByte(join(scratch, 'gathered'));
      expect(CONTENT.filter((word) => !gathered.includes(word))).toEqual([]);
      expect(leaks(gathered)).toEqual([]);
    },
    PATIENCE,
  );
});
