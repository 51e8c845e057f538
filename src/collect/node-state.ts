import { isObject } from '../model/decode.ts';
import type { NodeFailure } from '../model/snapshot.ts';

/** Operating systems whose kube-proxy writes no rules of netfilter. */
export const WINDOWS = 'windows';

/** Why no way leads to the rules of this raw Node, whatever the way; null: one may. */
export function systemRefusal(node: unknown): NodeFailure | null {
  if (field(node, 'status', 'nodeInfo', 'operatingSystem') !== WINDOWS) return null;
  return {
    reason: 'unsupported-system',
    message: 'the node runs Windows, where kube-proxy writes no iptables rules',
    tryThis: 'Leave it out with --node, or accept it with --allow-partial.',
  };
}

/** The failure, with what the API server knows of a raw Node that is not well: then it says more than the way does. */
export function withNodeState(failure: NodeFailure, node: unknown): NodeFailure {
  const conditions = field(node, 'status', 'conditions');
  const ready = Array.isArray(conditions) ? conditions.find((one) => field(one, 'type') === 'Ready') : undefined;
  const status = field(ready, 'status');
  if (typeof status !== 'string' || status === 'True') return failure;
  const since = field(ready, 'lastTransitionTime');
  const when = typeof since === 'string' ? ` since ${since}` : '';
  return { ...failure, message: `${failure.message}; the node is NotReady${when}, as the API server sees it` };
}

function field(value: unknown, ...path: readonly string[]): unknown {
  let current = value;
  for (const key of path) current = isObject(current) ? current[key] : undefined;
  return current;
}
