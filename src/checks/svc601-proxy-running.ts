import type { ProxyLog } from '../model/proxy-log.ts';
import type { ProxyPod } from '../model/proxy-pod.ts';
import { defineCheck, judged, OK, type Fault } from './check.ts';
import { lookAtPods } from './proxy-pods.ts';
import type { FamilyView } from './world.ts';

export default defineCheck({
  id: 'SVC601',
  slug: 'proxy-running',
  severity: 'warning',
  invariant: null,
  scope: 'node',
  title: 'kube-proxy runs on the node',
  docs: {
    why: `kube-proxy's rules stay in the kernel when it ends. They are right until the first change of a Service or endpoint, and nobody follows that one. Whether connections already fail is said by the other findings.`,
    causes: [
      `kube-proxy ends at its start: a setting it does not know, a sysctl it may not write (conntrack.maxPerCore in nested clusters), no API server.`,
      `Its image cannot be pulled.`,
      `The DaemonSet's pod was not created on the node: a quota, an admission webhook, taints.`,
    ],
    fix: [`Read the pod's events, and the log of the container before this one.`],
    ignoreWhen: `When kube-proxy runs on this node in another way than on the others.`,
  },
  applies: ({ condition, facts }) => condition.proxy.pods !== null && facts?.ready !== false,
  judge: (view) => {
    const pods = view.condition.proxy.pods ?? [];
    // What is being replaced is looked at when its successor is there.
    if (pods.some(({ isDeleting }) => isDeleting)) return OK;
    if (pods.length === 0) return judged(answers(view) ? [] : [missing(view)]);
    const troubled = pods.flatMap((pod) => troubleOf(pod, view.condition.proxy.readAt));
    return troubled.length < pods.length
      ? OK
      : judged(troubled.map(({ words, pod }) => fault(words, pod, view.condition.proxy.log)));
  },
  hits: () => true,
});

/** kube-proxy in a k3s or RKE2 process has no pod, and answers all the same. */
function answers({ condition: { proxy } }: FamilyView): boolean {
  return proxy.health !== null || proxy.metrics !== null;
}

interface Trouble {
  readonly words: string;
  readonly pod: ProxyPod;
}

/** Seconds for a container to be made. */
const STARTING = 120;
/** Seconds in which a container that has started before may end again, as it did. */
const FRESH = 600;
const MANY_RESTARTS = 3;

/** Why a container is not made for now, which passes. */
const PASSING: ReadonlySet<string> = new Set(['ContainerCreating', 'PodInitializing']);

function troubleOf(pod: ProxyPod, readAt: number | null): readonly Trouble[] {
  const { isReady, stoppedBecause, restarts, startedAt, createdAt, lastEnd } = pod;
  const ended = lastEnd === null ? '' : `; the one before: ${lastEnd}`;
  if (stoppedBecause !== null && !PASSING.has(stoppedBecause)) {
    return [{ words: `its container does not run: ${stoppedBecause}, ${restarts} restarts${ended}`, pod }];
  }
  const isOld = readAt !== null && createdAt !== null && readAt - createdAt > STARTING;
  if (!isReady) return isOld ? [{ words: `it is not ready (${stoppedBecause ?? pod.phase})${ended}`, pod }] : [];
  const isFresh = readAt !== null && startedAt !== null && readAt - startedAt < FRESH;
  if (restarts < MANY_RESTARTS || !isFresh || lastEnd === null) return [];
  return [{ words: `it has been started ${restarts} times again, the last time just now${ended}`, pod }];
}

const FELT = {
  words:
    'Changes of Services and endpoints do not get into the rules of the node. What its rules are now is judged by itself.',
  now: false,
} as const;

function fault(words: string, pod: ProxyPod, log: ProxyLog | null): Fault {
  const last = log?.errors.at(-1);
  const said = last === undefined ? '' : `; it logs: ${last}`;
  return {
    title: 'kube-proxy does not run as it should',
    cause: 'not running',
    expected: ['a pod of kube-proxy that is ready'],
    proof: [],
    found: `pod ${pod.namespace}/${pod.name}: ${words}${said}`,
    confidence: 'certain',
    felt: FELT,
    fix: lookAtPods([pod]),
  };
}

/** Rules without a pod are those of one that is gone, or of one that is no pod. */
function missing({ hasProxyRules }: FamilyView): Fault {
  return {
    title: 'there is no kube-proxy on the node',
    cause: 'no pod',
    expected: ['a pod of kube-proxy, as on other nodes'],
    proof: [],
    found: `kube-proxy has pods on other nodes, none here${hasProxyRules ? ': the rules here are those of one that is gone' : ', and no rules here'}`,
    // Something that is no pod may write them.
    confidence: hasProxyRules ? 'hint' : 'likely',
    felt: FELT,
    fix: [
      'kubectl -n kube-system get daemonsets,pods -o wide | grep kube-proxy',
      'kubectl -n kube-system describe daemonset kube-proxy   # its events, node selector and tolerations',
    ],
  };
}
