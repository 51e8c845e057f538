import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BREAKS, EXTERNAL, HOSTNAMES, NODES, labUnavailable, startLab, tally } from './lab.ts';
import type { Lab } from './lab.ts';
import { DEBUG_IMAGE } from './images.ts';
import { cgroupsOf, expectNothingLeft, machineState } from './leftovers.ts';
import { requireSuccess, run } from './process.ts';
import type { RunResult } from './process.ts';
import { essence, parseSave } from './rules.ts';

const unavailable = labUnavailable();
if (unavailable !== null) console.warn(`skipped: ${unavailable}`);

/** The first lab of a machine builds Kubernetes. */
const COLD = 30 * 60_000;
const NODE = 'rain-kubernetes-2';
const ALL_PODS = ['hostnames-0', 'hostnames-1', 'hostnames-2'];

describe.skipIf(unavailable !== null)('a full cluster lab', () => {
  let lab: Lab;
  let machine: string;
  const kubectl = (...args: readonly string[]): Promise<RunResult> =>
    run([lab.kubectl, '--kubeconfig', lab.kubeconfig, ...args], { timeoutMs: 30_000 });
  const answer = async (...args: readonly string[]): Promise<string> => requireSuccess(await kubectl(...args)).stdout;

  beforeAll(async () => {
    machine = await machineState();
    lab = await startLab({ name: 'test-full', full: true });
  }, COLD);
  afterAll(() => lab?.down());

  const kubeProxyOn = (node: string): Promise<string> =>
    answer(
      '-n=kube-system',
      'get',
      'pods',
      '-l=k8s-app=kube-proxy',
      `--field-selector=spec.nodeName=${node}`,
      '-o=name',
    );

  const debugPod = async (name: string, more: object): Promise<void> => {
    const capabilities = { add: ['NET_ADMIN', 'NET_RAW'] };
    const container = { name, image: DEBUG_IMAGE, imagePullPolicy: 'Never', securityContext: { capabilities } };
    const spec = { ...more, containers: [{ ...container, command: ['/bin/sleep', '600'] }] };
    await kubectl('run', name, `--image=${DEBUG_IMAGE}`, `--overrides=${JSON.stringify({ spec })}`);
    await answer('wait', `pod/${name}`, '--for=condition=Ready', '--timeout=60s');
  };
  const ensureExternalName = async (): Promise<void> => {
    await kubectl('create', 'service', 'externalname', 'outside', '--external-name=www.example.com');
  };
  /** What a pod's port answers through `kubectl port-forward`. */
  const throughForward = async (pod: string, port: number, path: string): Promise<string> => {
    const argv = ['--kubeconfig', lab.kubeconfig, '-n=kube-system', 'port-forward', pod, `:${port}`];
    const forward = spawn(lab.kubectl, argv, { stdio: ['ignore', 'pipe', 'inherit'] });
    try {
      const [said] = (await once(forward.stdout, 'data')) as [Buffer];
      const local = /127\.0\.0\.1:(\d+)/.exec(said.toString())?.[1];
      return await (await fetch(`http://127.0.0.1:${local}${path}`)).text();
    } finally {
      forward.kill();
    }
  };
  /** The node's rules, its condition, and whether anything can be executed in its pods. */
  const nodeState = async (): Promise<string> => {
    const rules = await Promise.all(
      ['iptables-nft-save', 'ip6tables-nft-save'].map(async (save) => requireSuccess(await lab.exec(NODE, [save]))),
    );
    const condition = await answer('get', 'node', NODE, '-o=jsonpath={.status.conditions[?(@.type=="Ready")].status}');
    const proxies = (await kubeProxyOn(NODE)).trim().split('\n').filter(Boolean).length;
    const { code } = await kubectl('exec', 'client-1', '--', '/labtool', 'sysctl');
    return [condition, proxies, code, ...rules.map(({ stdout }) => essence(stdout))].join('\n');
  };

  it('has nodes whose kubelets say that they are ready', async () => {
    const nodes = await answer('get', 'nodes', '--no-headers');
    expect(
      nodes
        .trim()
        .split('\n')
        .map((line) => line.split(/\s+/).slice(0, 2)),
    ).toEqual(NODES.map(({ name }) => [name, 'Ready']));
  });

  it.each(['root', 'operator'])('lets %s log in to a node, where its kubelet keeps its files', async (user) => {
    const argv = [
      'ssh',
      '-F',
      lab.sshConfig,
      '-o',
      'BatchMode=yes',
      `${user}@${NODE}`,
      'hostname; sudo -n ls /var/lib/kubelet',
    ];
    expect(requireSuccess(await run(argv)).stdout).toMatch(new RegExp(`^${NODE}\n[^]*^pods$`, 'm'));
  });

  it('lets kubectl read rules inside a kube-proxy that has no shell', async () => {
    const pod = (await kubeProxyOn(NODE)).trim();
    const rules = await answer('-n=kube-system', 'exec', pod, '--', 'iptables-nft-save', '-c');
    expect(parseSave(rules.replaceAll(/^\[\d+:\d+\] /gm, '')).length).toBeGreaterThan(30);
    for (const program of ['sh', 'bash', 'cat', 'ls']) {
      expect((await kubectl('-n=kube-system', 'exec', pod, '--', program)).stderr).toContain(
        'executable file not found',
      );
    }
  });

  it('shows a pod on a node’s network the rules of the node', async () => {
    const overrides = { spec: { nodeName: NODE, hostNetwork: true } };
    const capabilities = { add: ['NET_ADMIN', 'NET_RAW'] };
    const container = {
      name: 'debug',
      image: DEBUG_IMAGE,
      imagePullPolicy: 'Never',
      securityContext: { capabilities },
    };
    const spec = { ...overrides.spec, containers: [{ ...container, command: ['/bin/sleep', '600'] }] };
    await answer('run', 'debug', `--image=${DEBUG_IMAGE}`, `--overrides=${JSON.stringify({ spec })}`);
    await answer('wait', 'pod/debug', '--for=condition=Ready', '--timeout=20s');
    const script = 'iptables-nft-save | gzip | gunzip; ipset --version; nft list tables; conntrack -C';
    const seen = await answer('exec', 'debug', '--', 'sh', '-c', script);
    const own = requireSuccess(await lab.exec(NODE, ['iptables-nft-save'])).stdout;
    expect(parseSave(seen)).toEqual(parseSave(own));
    await answer('delete', 'pod', 'debug', '--now');
  });

  it.each(['pod/client-1', `node/${NODE}`, 'external'])('lets %s reach pods through the node port', async (from) => {
    const connections = await lab.connect({ from, to: `172.31.0.13:${HOSTNAMES.nodePort}`, count: 50 });
    expect(Object.keys(tally(connections)).sort()).toEqual(ALL_PODS);
  });

  it.each([
    ['hostnames.default.svc.cluster.local', HOSTNAMES.clusterIp],
    ['outside.default.svc.cluster.local', 'canonical name = www.example.com'],
    ['www.example.com', EXTERNAL.ip],
  ])('resolves %s in a pod', async (name, expected) => {
    await ensureExternalName();
    await debugPod('resolver', {});
    expect(await answer('exec', 'resolver', '--', 'nslookup', '-type=a', name)).toContain(expected);
  });

  it('forwards ports to CoreDNS and to a kube-proxy on its node’s network', async () => {
    const dns = (await answer('-n=kube-system', 'get', 'pods', '-l=k8s-app=kube-dns', '-o=name')).trim().split('\n');
    expect(await throughForward(dns[0] ?? '', 9153, '/metrics')).toContain('coredns_build_info{');
    const proxy = (await kubeProxyOn(NODE)).trim();
    expect(await throughForward(proxy, 10249, '/proxyMode')).toBe('iptables');
  });

  it.each(BREAKS.filter(({ name, full }) => full || name === 'kube-proxy-dead' || name === 'sep-dnat-deleted'))(
    'has the break $name, and heals it',
    { timeout: 240_000 },
    async ({ name }) => {
      const healthy = await nodeState();
      await lab.break(name, { node: NODE });
      expect(await nodeState()).not.toBe(healthy);
      await lab.heal();
      expect(await nodeState()).toBe(healthy);
      const connections = await lab.connect({ from: 'pod/client-1', to: `${HOSTNAMES.clusterIp}:80`, count: 50 });
      expect(Object.keys(tally(connections)).sort()).toEqual(ALL_PODS);
    },
  );

  it('leaves nothing behind', async () => {
    expect(await cgroupsOf(lab.dir)).not.toBe('');
    await lab.down();
    expect(await cgroupsOf(lab.dir)).toBe('');
    expect(await machineState()).toBe(machine);
  });
});

describe.skipIf(unavailable !== null)('nothing is left of a full lab', () => {
  it.each(['guard', 'supervisor', 'janitor and then owner'] as const)(
    'after kill -9 of its %s',
    { timeout: 600_000 },
    async (victim) => {
      await expectNothingLeft(victim, { full: true });
    },
  );
});
