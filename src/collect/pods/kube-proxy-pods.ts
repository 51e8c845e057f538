import type { ClusterReading } from '../cluster/index.ts';
import { at, isRecord, listOf, nameOf, namespaceOf, textOf } from '../cluster/json-value.ts';
import { proxyContainerOf } from '../cluster/read-kube-proxy.ts';
import { NodeReadError } from '../transport.ts';
import type { NodeTarget } from '../way.ts';
import type { ExecTarget } from './exec.ts';

/** The kube-proxy pods of a cluster, as they were read with it. */
export class KubeProxyPods {
  readonly #items: readonly unknown[];
  readonly #error: string | null;

  constructor(reading: Pick<ClusterReading, 'cluster' | 'parts'>) {
    this.#items = listOf(at(reading.cluster.get('kube-proxy'), 'items'));
    this.#error = reading.parts.find(({ file }) => file === 'kube-proxy')?.error ?? null;
  }

  /** The kube-proxy container of a node. @throws NodeReadError when none runs there */
  targetOn(node: NodeTarget): ExecTarget {
    const pods = this.#podsOn(node.name);
    const running = pods.find((pod) => isRunning(pod));
    const [first] = pods;
    if (running !== undefined)
      return { namespace: namespaceOf(running), pod: nameOf(running), container: containerOf(running) };
    throw first === undefined ? this.#noPod(node) : notRunning(first);
  }

  /** The image kube-proxy has on a node, or else anywhere; null when none is known. */
  imageOn(node: NodeTarget): string | null {
    const others = this.#pods().filter((pod) => isRunning(pod));
    const template = this.#items
      .filter((item) => at(item, 'kind') === 'DaemonSet')
      .map((item) => at(item, 'spec', 'template'));
    const images = [...this.#podsOn(node.name), ...others, ...template].map(imageOf);
    return images.find((image) => image !== '') ?? null;
  }

  #pods(): readonly unknown[] {
    return this.#items.filter(
      (item) => at(item, 'kind') === 'Pod' && at(item, 'metadata', 'deletionTimestamp') === undefined,
    );
  }

  #podsOn(node: string): readonly unknown[] {
    return this.#pods().filter((pod) => at(pod, 'spec', 'nodeName') === node);
  }

  #noPod(node: NodeTarget): NodeReadError {
    if (this.#error !== null && this.#pods().length === 0) {
      const tryThis = 'kubectl svcdoctor rbac prints the roles; or use another --via.';
      return new NodeReadError('forbidden', `no kube-proxy pod is known: ${this.#error}`, tryThis);
    }
    const embedded = embeddedIn(node);
    const words =
      embedded === null
        ? 'no kube-proxy pod runs on the node'
        : `kube-proxy is no pod here: it runs inside ${embedded}`;
    return new NodeReadError('no-kube-proxy-pod', words, 'Use --via debug-pod or --via ssh.');
  }
}

/** Distributions that run kube-proxy inside their own agent. RKE2 and k0s do not: theirs are pods. */
function embeddedIn({ raw }: NodeTarget): string | null {
  const version = textOf(at(raw, 'status', 'nodeInfo', 'kubeletVersion'));
  if (/[+-]k3s/.test(version)) return 'the k3s agent';
  if (at(raw, 'metadata', 'labels', 'microk8s.io/cluster') !== undefined) return "MicroK8s' kubelite";
  return null;
}

function containerOf(pod: unknown): string {
  return proxyContainerOf(pod) ?? textOf(at(listOf(at(pod, 'spec', 'containers'))[0], 'name'));
}

function imageOf(pod: unknown): string {
  const name = containerOf(pod);
  return textOf(
    at(
      listOf(at(pod, 'spec', 'containers')).find((container) => at(container, 'name') === name),
      'image',
    ),
  );
}

function statusOf(pod: unknown): unknown {
  const name = containerOf(pod);
  return listOf(at(pod, 'status', 'containerStatuses')).find((status) => at(status, 'name') === name);
}

function isRunning(pod: unknown): boolean {
  return at(pod, 'status', 'phase') === 'Running' && isRecord(at(statusOf(pod), 'state', 'running'));
}

function notRunning(pod: unknown): NodeReadError {
  const [namespace, name] = [namespaceOf(pod), nameOf(pod)];
  const status = statusOf(pod);
  const state = textOf(at(status, 'state', 'waiting', 'reason')) || textOf(at(status, 'state', 'terminated', 'reason'));
  const restarts = textOf(at(status, 'restartCount'));
  const words = state || textOf(at(pod, 'status', 'reason')) || textOf(at(pod, 'status', 'phase'));
  const often = restarts === '' || restarts === '0' ? '' : `, ${restarts} restarts`;
  return new NodeReadError(
    'pod-not-ready',
    `kube-proxy's pod ${namespace}/${name} is not running: ${words}${often}`,
    `See why: kubectl -n ${namespace} logs ${name} --previous`,
  );
}
