import { isObject, type JsonObject } from './decode.ts';

/** A pod of kube-proxy, and how its container fares. Times are seconds since 1970; null: not said. */
export interface ProxyPod {
  readonly namespace: string;
  readonly name: string;
  readonly node: string;
  /** Name of the container that runs kube-proxy. */
  readonly container: string;
  /** uid of its controller; null: none, for example of a static pod. */
  readonly owner: string | null;
  readonly phase: string;
  readonly isDeleting: boolean;
  readonly createdAt: number | null;
  readonly isReady: boolean;
  readonly restarts: number;
  /** Why it does not run: `CrashLoopBackOff`, `ImagePullBackOff`, `Error`; null: it runs, or nobody says. */
  readonly stoppedBecause: string | null;
  /** Start of the container that runs. */
  readonly startedAt: number | null;
  /** How the container before it ended: `Error, exit code 1`; null: it is the first. */
  readonly lastEnd: string | null;
}

/**
 * Pods of kube-proxy by node, from the content of `cluster/kube-proxy.json`; null: pods are not in it, so nobody knows. A
 * pod that has ended for good (evicted, shut down with its node) is none.
 */
export function parseProxyPods(objects: unknown): ReadonlyMap<string, readonly ProxyPod[]> | null {
  const items: readonly unknown[] = isObject(objects) && Array.isArray(objects['items']) ? objects['items'] : [];
  const pods = items.filter(isObject).filter((item) => item['kind'] === 'Pod');
  if (pods.length === 0) return null;
  const known = pods.flatMap(proxyPod).filter(({ phase }) => phase !== 'Succeeded' && phase !== 'Failed');
  return Map.groupBy(known, ({ node }) => node);
}

function proxyPod(pod: JsonObject): readonly ProxyPod[] {
  const node = textOf(at(pod, 'spec', 'nodeName'));
  const container = containerOf(pod);
  if (node === '') return [];
  return [
    {
      namespace: textOf(at(pod, 'metadata', 'namespace')),
      name: textOf(at(pod, 'metadata', 'name')),
      node,
      container: textOf(at(container, 'name')) || 'kube-proxy',
      owner: ownerOf(pod),
      phase: textOf(at(pod, 'status', 'phase')),
      isDeleting: textOf(at(pod, 'metadata', 'deletionTimestamp')) !== '',
      createdAt: timeOf(at(pod, 'metadata', 'creationTimestamp')),
      isReady: at(container, 'ready') === true,
      restarts: numberOf(at(container, 'restartCount')),
      stoppedBecause: stopOf(at(container, 'state')),
      startedAt: timeOf(at(container, 'state', 'running', 'startedAt')),
      lastEnd: endOf(at(container, 'lastState', 'terminated')),
    },
  ];
}

/** Beside kube-proxy a pod may have a sidecar. */
function containerOf(pod: JsonObject): unknown {
  const statuses = at(pod, 'status', 'containerStatuses');
  const list: readonly unknown[] = Array.isArray(statuses) ? statuses : [];
  return list.find((status) => at(status, 'name') === 'kube-proxy') ?? list[0];
}

function ownerOf(pod: JsonObject): string | null {
  const owners = at(pod, 'metadata', 'ownerReferences');
  const list: readonly unknown[] = Array.isArray(owners) ? owners : [];
  // A static pod's owner is its node.
  const controller = list.find((owner) => at(owner, 'kind') !== 'Node');
  return textOf(at(controller, 'uid')) || null;
}

function stopOf(state: unknown): string | null {
  const waiting = textOf(at(state, 'waiting', 'reason'));
  if (waiting !== '') return waiting;
  return endOf(at(state, 'terminated'));
}

function endOf(terminated: unknown): string | null {
  if (!isObject(terminated)) return null;
  return `${textOf(terminated['reason']) || 'ended'}, exit code ${numberOf(terminated['exitCode'])}`;
}

function at(value: unknown, ...path: readonly string[]): unknown {
  return path.reduce((inner: unknown, key) => (isObject(inner) ? inner[key] : undefined), value);
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

function numberOf(value: unknown): number {
  return typeof value === 'number' ? value : 0;
}

function timeOf(value: unknown): number | null {
  const time = Date.parse(textOf(value));
  return Number.isNaN(time) ? null : time / 1000;
}
