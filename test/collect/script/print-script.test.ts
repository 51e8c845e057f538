/** The script of `collect --print-script`, without a cluster: `test/cluster/script.test.ts` runs it in one. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import * as prunes from '../../../src/collect/cluster/prune.ts';
import { isAllowed, NODE_COMMANDS } from '../../../src/collect/node-commands.ts';
import { PRUNE_PART } from '../../../src/collect/script/json-part.ts';
import { printScript } from '../../../src/collect/script/print-script.ts';
import type { ScriptRequest } from '../../../src/collect/script/request.ts';
import { findProgram } from '../../cluster/process.ts';
import { run } from '../../commands/run.ts';
import { expectGolden } from '../../golden.ts';

const scratch = mkdtempSync(join(tmpdir(), 'svcdoctor-script-'));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

const PLAIN: ScriptRequest = {
  toolVersion: '1.2.3',
  kubectlFlags: ['--context=prod', '--request-timeout=30s'],
  namespace: 'shop',
  allNamespaces: false,
  names: ['cart', 'api'],
  selector: null,
  nodes: null,
  nodeAddress: null,
  ssh: { user: 'core', port: 2222, config: 'ssh_config' },
  concurrency: 8,
  timeoutSeconds: 30,
  settleSeconds: 3,
  folder: 'evidence',
};

/** What a shell would do something with, if it were let. */
const NASTY = `a'b"c$(touch pwned)\`touch pwned\`\\ ;&|*?[x]~#!\n-rf`;

const REQUESTS: Readonly<Record<string, ScriptRequest>> = {
  plain: PLAIN,
  'all namespaces': { ...PLAIN, namespace: null, allNamespaces: true, names: null, ssh: {} },
  'a namespace that is not named': { ...PLAIN, namespace: null, names: null, nodeAddress: 'NodeName' },
  labels: { ...PLAIN, names: null, selector: 'app in (a, b)', nodes: ['n1', 'n2'] },
  'one node': { ...PLAIN, nodes: ['n1'] },
  nasty: {
    ...PLAIN,
    kubectlFlags: [`--context=${NASTY}`],
    namespace: NASTY,
    names: [NASTY],
    selector: NASTY,
    nodes: [NASTY],
    ssh: { user: NASTY, config: NASTY },
    folder: NASTY,
  },
};

/** Where the environment says CI, it must be there. */
const lacksShellcheck = findProgram('shellcheck') === undefined && !process.env['CI'];

describe('the script', () => {
  it('is this', () => {
    expectGolden('test/golden/collect-script.sh', printScript(PLAIN));
  });

  it.skipIf(lacksShellcheck).each(Object.entries(REQUESTS))('for %s is clean', (_, request) => {
    // A dollar within single quotes is a mistake as a rule; where a value holds one, it is meant.
    const remarks = request === REQUESTS['nasty'] ? ['-e', 'SC2016'] : [];
    const { stdout, status } = spawnSync('shellcheck', ['-s', 'sh', ...remarks, '-'], {
      input: printScript(request),
      encoding: 'utf8',
    });
    expect(stdout).toBe('');
    expect(status).toBe(0);
    expect(printScript(request)).not.toContain('shellcheck disable');
  });

  it('asks nodes for nothing else than the program does', () => {
    const cases = [...printScript(PLAIN).matchAll(/^ {2}(\S+)\)\n {4}command=(.*)\n {4}argv='(.*)' kind=\w+ ;;$/gm)];
    expect(cases).toHaveLength(NODE_COMMANDS.length + NODE_COMMANDS.filter(({ needsRoot }) => needsRoot).length);
    for (const [, , command = '', argv = ''] of cases) {
      const words = JSON.parse(argv) as readonly string[];
      expect(isAllowed(words, 'login')).toBe(true);
      // The shell of the script takes one layer of quotes away; what is left the shell of the node takes apart.
      const sent = spawnSync('/bin/sh', ['-c', `printf %s ${command}`], { encoding: 'utf8' }).stdout;
      const arrived = spawnSync('/bin/sh', ['-c', `printf '%s\\n' ${sent}`], { encoding: 'utf8' }).stdout;
      expect(arrived.trimEnd().split('\n')).toEqual(words);
    }
    expect(printScript(PLAIN)).not.toMatch(/-save[^\n]* -t /);
  });

  it.each(['dash', 'busybox'].filter((name) => findProgram(name) !== undefined))(
    'in %s hands every value on as it was given',
    (shell) => {
      const seen = join(scratch, `${shell}.seen`);
      const kubectl = join(scratch, 'kubectl');
      writeFileSync(kubectl, `#!/bin/sh\nprintf '%s\\0' "$@" >>'${seen}'\nexit 1\n`, { mode: 0o755 });
      const path = join(scratch, 'nasty.sh');
      writeFileSync(path, printScript({ ...(REQUESTS['nasty'] ?? PLAIN), folder: 'x' }));
      const argv = [...(shell === 'busybox' ? ['sh'] : []), path];
      const { status, stderr } = spawnSync(findProgram(shell) ?? '', argv, {
        encoding: 'utf8',
        cwd: scratch,
        env: { PATH: `${scratch}:${process.env['PATH'] ?? ''}` },
      });
      const words = readFileSync(seen, 'utf8').split('\0');
      expect(words).toContain(`--context=${NASTY}`);
      expect(words).toContain(`--namespace=${NASTY}`);
      expect(words).toContain(NASTY);
      expect(spawnSync('ls', [scratch], { encoding: 'utf8' }).stdout).not.toContain('pwned');
      expect(stderr).toContain('without services nothing can be judged');
      expect(status).toBe(2);
    },
  );

  it.each(['token', 'client-key', 'client-certificate', 'ssh-key'])('never holds the value of --%s', (flag) => {
    const { status, stdout, stderr } = run(['collect', '--print-script', `--${flag}`, 'hunter2']);
    expect(status).toBe(2);
    expect(stdout).toBe('');
    expect(stderr).toContain(`--${flag} is not written into a script`);
    expect(stderr).not.toContain('hunter2');
  });
});

const SECRET = 'hunter2';

function container(name: string) {
  return {
    name,
    image: 'i:1',
    args: [`--a="{"`, SECRET],
    command: ['kube-proxy', '}', '],'],
    env: [{ name: 'PASSWORD', value: SECRET }],
    ports: [{ name: 'http', containerPort: 80 }],
    readinessProbe: { periodSeconds: 5, httpGet: { port: 80, httpHeaders: [{ name: 'A', value: SECRET }] } },
    livenessProbe: { exec: { command: [SECRET] } },
    volumeMounts: [{ name: 'v' }],
  };
}

const METADATA = {
  annotations: {
    'kubectl.kubernetes.io/last-applied-configuration': `{"env":"${SECRET}"}\n`,
    'objectset.rio.cattle.io/applied': SECRET,
    'kapp.k14s.io/original': SECRET,
    kept: 'a "quoted" text, with {[ and ]},',
  },
  creationTimestamp: null,
  labels: { app: 'a', 'x.y/z': '{' },
  managedFields: [{ manager: SECRET, fieldsV1: { 'f:env': {} } }],
  name: 'a',
  namespace: 'default',
};

const POD = {
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: METADATA,
  spec: {
    containers: [container('one'), container('two')],
    initContainers: [],
    nodeName: 'n1',
    tolerations: [{}],
    volumes: [{ secret: { secretName: SECRET } }],
  },
  status: {
    conditions: [{ type: 'Ready', status: 'True' }],
    containerStatuses: [
      {
        name: 'one',
        lastState: { terminated: { exitCode: 1, message: SECRET, reason: 'Error' } },
        state: { waiting: { message: `exec: "${SECRET}"`, reason: 'RunContainerError' } },
      },
      { name: 'two', lastState: {}, state: { running: { startedAt: 't' } } },
    ],
    podIPs: [{ ip: '10.0.0.1' }],
  },
};

const TEMPLATE = { metadata: { labels: { a: 'b' }, annotations: { token: SECRET } }, spec: POD.spec };

const CASES: readonly (readonly [string, prunes.Prune, unknown])[] = [
  ['object', prunes.pruneObject, { apiVersion: 'v1', kind: 'Service', metadata: METADATA, spec: { ports: [{}] } }],
  ['object', prunes.pruneObject, { kind: 'Service', metadata: { managedFields: [] }, spec: {} }],
  ['node', prunes.pruneNode, { metadata: METADATA, status: { addresses: [], images: [{ names: ['x'] }], phase: 'x' } }],
  ['pod', prunes.prunePod, POD],
  ['pod', prunes.prunePod, { kind: 'Pod', metadata: {}, spec: { containers: [] } }],
  ['kube-proxy-pod', prunes.pruneKubeProxyPod, POD],
  [
    'daemon-set',
    prunes.pruneDaemonSet,
    { kind: 'DaemonSet', metadata: METADATA, spec: { selector: {}, template: TEMPLATE }, status: { numberReady: 1 } },
  ],
  [
    'config-map',
    prunes.pruneConfigMap,
    {
      binaryData: { key: SECRET },
      data: {
        'config.conf': 'kind: KubeProxyConfiguration\nclientConnection:\n  kubeconfig: /x\n',
        'kubeconfig.conf': `token: ${SECRET}`,
        KubeConfig: SECRET,
        other: `users:\n- user:\n    "token": ${SECRET}\n`,
        key: `-----BEGIN RSA PRIVATE KEY-----\n${SECRET}`,
      },
      kind: 'ConfigMap',
      metadata: METADATA,
    },
  ],
];

/** Programs that are awk on one system or another. */
const AWKS = [['mawk'], ['gawk'], ['original-awk'], ['busybox', 'awk']].filter(
  ([program = '']) => findProgram(program) !== undefined,
);

describe.each(AWKS)('what %s leaves out', (...awk) => {
  /** As kubectl prints it, and back. */
  function filtered(kind: string, value: unknown): unknown {
    const text = `awk() { ${awk.map((word) => `'${word}'`).join(' ')} "$@"; }\n${PRUNE_PART}\nprune ${kind}\n`;
    const { stdout, stderr } = spawnSync('/bin/sh', ['-c', text], {
      input: `${JSON.stringify(value, null, 4)}\n`,
      encoding: 'utf8',
    });
    expect(stderr).toBe('');
    return JSON.parse(stdout);
  }

  it.each(CASES)('of a %s is what the program leaves out', (kind, prune, object) => {
    const pruned = prune(object);
    expect(filtered(kind, object)).toEqual(pruned);
    const list = { apiVersion: 'v1', items: [object, object], kind: 'List', metadata: { resourceVersion: '' } };
    expect(filtered(kind, list)).toMatchObject({ items: [pruned, pruned] });
    const kept = JSON.stringify(pruned);
    // The arguments of kube-proxy are its settings.
    if (kind !== 'kube-proxy-pod' && kind !== 'daemon-set') expect(kept).not.toContain(SECRET);
    else expect(kept.match(new RegExp(SECRET, 'g'))).toHaveLength(2);
  });
});
