import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { HOSTNAMES, NODES, labUnavailable, startLab, tally } from './lab.ts';
import type { Lab } from './lab.ts';
import { DEBUG_IMAGE } from './images.ts';
import { requireSuccess, run } from './process.ts';
import type { RunResult } from './process.ts';
import { parseSave } from './rules.ts';

const unavailable = labUnavailable();
if (unavailable !== null) console.warn(`skipped: ${unavailable}`);

/** The first lab of a machine builds Kubernetes. */
const COLD = 30 * 60_000;
const NODE = 'rain-kubernetes-2';
const ALL_PODS = ['hostnames-0', 'hostnames-1', 'hostnames-2'];

describe.skipIf(unavailable !== null)('a full cluster lab', () => {
  let lab: Lab;
  const kubectl = (...args: readonly string[]): Promise<RunResult> =>
    run([lab.kubectl, '--kubeconfig', lab.kubeconfig, ...args], { timeoutMs: 30_000 });
  const answer = async (...args: readonly string[]): Promise<string> => requireSuccess(await kubectl(...args)).stdout;

  beforeAll(async () => {
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

  it('has nodes whose kubelets say that they are ready', async () => {
    const nodes = await answer('get', 'nodes', '--no-headers');
    expect(
      nodes
        .trim()
        .split('\n')
        .map((line) => line.split(/\s+/).slice(0, 2)),
    ).toEqual(NODES.map(({ name }) => [name, 'Ready']));
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
});
