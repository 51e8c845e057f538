import { shellWord } from '../model/shell-word.ts';

/** Above this many nodes one command for all of them reads better than one for each. */
const MANY_NODES = 3;

/** Commands that have kube-proxy on these nodes write its rules again, as a person can paste them. */
export function remedyFor(nodes: readonly string[]): readonly string[] {
  if (nodes.length > MANY_NODES) return ['kubectl -n kube-system rollout restart daemonset kube-proxy'];
  return nodes.map(
    (node) =>
      `kubectl -n kube-system delete pod -l k8s-app=kube-proxy --field-selector spec.nodeName=${shellWord(node)}`,
  );
}
