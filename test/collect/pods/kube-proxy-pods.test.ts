import { describe, expect, it } from 'vitest';
import { KubeProxyPods } from '../../../src/collect/pods/kube-proxy-pods.ts';
import { refuseNodesWithoutPods } from '../../../src/collect/pods/node-facts.ts';

const RUNNING = { state: { running: {} } };

function proxyPod(node: string, more: { status?: object; container?: object; metadata?: object } = {}): object {
  const container = { name: 'kube-proxy', image: 'registry.k8s.io/kube-proxy:v1.37.2', ...more.container };
  return {
    kind: 'Pod',
    metadata: { name: `kube-proxy-${node}`, namespace: 'kube-system', ...more.metadata },
    spec: { nodeName: node, containers: [{ name: 'sidecar', image: 'x' }, container] },
    status: { phase: 'Running', containerStatuses: [{ name: container.name, ...RUNNING }], ...more.status },
  };
}

function pods(items: readonly object[], error: string | null = null): KubeProxyPods {
  const part = { file: 'kube-proxy', readAt: '', resourceVersion: null, error } as const;
  return new KubeProxyPods({ cluster: new Map([['kube-proxy', { items }]]), parts: [part] });
}

const node = (name: string, raw: object = {}) => ({ name, raw: { metadata: { name }, ...raw } });

describe('the kube-proxy pod of a node', () => {
  it('is the one that runs there, and the container that is kube-proxy', () => {
    const found = pods([proxyPod('a'), proxyPod('b')]).targetOn(node('b'));
    expect(found).toEqual({ namespace: 'kube-system', pod: 'kube-proxy-b', container: 'kube-proxy' });
  });

  it('is known by its image where its container is called otherwise', () => {
    const container = { name: 'main', image: 'rancher/hardened-kube-proxy:v1' };
    expect(pods([proxyPod('a', { container })]).targetOn(node('a'))).toMatchObject({ container: 'main' });
  });

  it('is the one that runs, not the one that is being replaced', () => {
    const old = proxyPod('a', { metadata: { name: 'old', deletionTimestamp: 'x' } });
    const failed = proxyPod('a', { metadata: { name: 'failed' }, status: { phase: 'Failed' } });
    expect(pods([old, failed, proxyPod('a')]).targetOn(node('a'))).toMatchObject({ pod: 'kube-proxy-a' });
  });

  it.each<[string, object[], object, string, string]>([
    ['is none', [proxyPod('b')], {}, 'no-kube-proxy-pod', 'no kube-proxy pod runs on the node'],
    [
      'is inside k3s',
      [],
      { status: { nodeInfo: { kubeletVersion: 'v1.36.1+k3s1' } } },
      'no-kube-proxy-pod',
      'kube-proxy is no pod here: it runs inside the k3s agent',
    ],
    [
      'is inside MicroK8s',
      [],
      { metadata: { labels: { 'microk8s.io/cluster': 'true' } } },
      'no-kube-proxy-pod',
      "it runs inside MicroK8s' kubelite",
    ],
    [
      'crashes',
      [
        proxyPod('a', {
          status: {
            containerStatuses: [
              { name: 'kube-proxy', restartCount: 12, state: { waiting: { reason: 'CrashLoopBackOff' } } },
            ],
          },
        }),
      ],
      {},
      'pod-not-ready',
      "kube-proxy's pod kube-system/kube-proxy-a is not running: CrashLoopBackOff, 12 restarts",
    ],
    ['waits', [proxyPod('a', { status: { phase: 'Pending', containerStatuses: [] } })], {}, 'pod-not-ready', 'Pending'],
  ])('%s', (_, items, raw, reason, message) => {
    const failure = failureOf(() => pods(items).targetOn(node('a', raw)));
    expect(failure).toMatchObject({ reason, message: expect.stringContaining(message) as string });
  });

  it('is not known where pods may not be listed', () => {
    const failure = failureOf(() => pods([], 'cannot list pods in namespace "kube-system": no').targetOn(node('a')));
    expect(failure).toMatchObject({
      reason: 'forbidden',
      message: expect.stringContaining('cannot list pods') as string,
    });
  });

  it("has an image that is the node's, or another's, or the DaemonSet's", () => {
    const other = proxyPod('b', { container: { image: 'kube-proxy:other' } });
    expect(pods([other, proxyPod('a')]).imageOn(node('a'))).toBe('registry.k8s.io/kube-proxy:v1.37.2');
    expect(pods([other]).imageOn(node('a'))).toBe('kube-proxy:other');
    const template = { spec: { containers: [{ name: 'kube-proxy', image: 'kube-proxy:set' }] } };
    expect(pods([{ kind: 'DaemonSet', spec: { template } }]).imageOn(node('a'))).toBe('kube-proxy:set');
    expect(pods([]).imageOn(node('a'))).toBeNull();
  });
});

describe('a node no pod can read', () => {
  const ready = (status: string): object => ({
    status: { conditions: [{ type: 'Ready', status, message: 'Kubelet stopped posting node status.' }] },
  });
  it.each<[object, string]>([
    [{ metadata: { labels: { 'kubernetes.io/os': 'windows' } } }, 'unsupported-system'],
    [{ metadata: { labels: { type: 'virtual-kubelet' } } }, 'unsupported-system'],
    [{ metadata: { labels: { 'eks.amazonaws.com/compute-type': 'fargate' } } }, 'unsupported-system'],
    [ready('Unknown'), 'unreachable'],
  ])('%j', (raw, reason) => {
    expect(failureOf(() => refuseNodesWithoutPods(node('a', raw)))).toMatchObject({ reason });
  });

  it.each([{}, ready('True'), ready('False')])('is not %j', (raw) => {
    expect(failureOf(() => refuseNodesWithoutPods(node('a', raw)))).toBeUndefined();
  });
});

function failureOf(act: () => unknown): unknown {
  try {
    return act();
  } catch (error) {
    return error;
  }
}
