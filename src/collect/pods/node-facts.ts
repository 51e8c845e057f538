import { at, listOf, textOf } from '../cluster/json-value.ts';
import { NodeReadError } from '../transport.ts';
import type { NodeTarget } from '../way.ts';

/**
 * Nodes no pod can read: Windows has no netfilter, a virtual node is no machine, and one whose kubelet is silent starts and
 * runs nothing. A kubelet that says itself that its node is not ready still answers.
 * @throws NodeReadError
 */
export function refuseNodesWithoutPods({ name, raw }: NodeTarget): void {
  const labels = at(raw, 'metadata', 'labels');
  if (at(labels, 'kubernetes.io/os') === 'windows') {
    throw new NodeReadError(
      'unsupported-system',
      'the node runs Windows, where kube-proxy writes no iptables rules',
      `Leave it out: name the others with --node`,
    );
  }
  const isVirtual =
    at(labels, 'type') === 'virtual-kubelet' || at(labels, 'eks.amazonaws.com/compute-type') === 'fargate';
  if (isVirtual) {
    throw new NodeReadError(
      'unsupported-system',
      'the node is virtual: it has no rules of its own',
      `Leave it out: name the others with --node`,
    );
  }
  const ready = listOf(at(raw, 'status', 'conditions')).find((condition) => at(condition, 'type') === 'Ready');
  if (ready === undefined || at(ready, 'status') !== 'Unknown') return;
  const since = textOf(at(ready, 'lastTransitionTime'));
  throw new NodeReadError(
    'unreachable',
    `the node is NotReady: ${textOf(at(ready, 'message')) || 'its kubelet is silent'}${since === '' ? '' : ` (since ${since})`}`,
    `Is it up? kubectl describe node ${name}; what runs without the kubelet can be read with --via ssh`,
  );
}
