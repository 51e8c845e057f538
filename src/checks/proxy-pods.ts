import type { ProxyPod } from '../model/proxy-pod.ts';
import { shellWord } from '../model/shell-word.ts';
import { cannotWrite } from './proxy-sync.ts';
import type { FamilyView } from './world.ts';

/** Commands that show why a pod of kube-proxy does not do its work. Where no container runs, the log is that of the last one. */
export function lookAtPods(pods: readonly ProxyPod[]): readonly string[] {
  return pods.flatMap(({ namespace, name, restarts, startedAt }) => [
    `kubectl -n ${shellWord(namespace)} describe pod ${shellWord(name)}`,
    `kubectl -n ${shellWord(namespace)} logs ${shellWord(name)}${restarts > 0 && startedAt !== null ? ' --previous' : ''} --tail=50`,
  ]);
}

/** The log of the node's kube-proxy, where its pod is known; else of whatever it is. */
export function lookAtLog({ node, condition: { proxy } }: FamilyView): readonly string[] {
  const pods = proxy.pods ?? [];
  if (pods.length === 0)
    return [`journalctl -u kube-proxy -n 50   # on ${node}, or the log of what runs kube-proxy there`];
  return pods.map(({ namespace, name }) => `kubectl -n ${shellWord(namespace)} logs ${shellWord(name)} --tail=50`);
}

/** What to do where kube-proxy itself is in trouble, and a restart would be no remedy; null: it is not, as far as is known. */
export function insteadOfRestart(view: FamilyView): readonly string[] | null {
  const pods = view.condition.proxy.pods ?? [];
  if (pods.length > 0 && !pods.some(({ isReady }) => isReady)) return lookAtPods(pods);
  return cannotWrite(view) ? lookAtLog(view) : null;
}
