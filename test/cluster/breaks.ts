/** The list of breaks: everything that can be put wrong on a node, by name. */
import { agentBreaks } from './breaks-agents.ts';
import { balancingBreaks } from './breaks-balancing.ts';
import { endpointBreaks } from './breaks-endpoints.ts';
import { entryBreaks } from './breaks-entry.ts';
import { foreignBreaks } from './breaks-foreign.ts';
import { nodeBreaks } from './breaks-node.ts';
import { snatBreaks } from './breaks-snat.ts';
import type { Machine } from './machine.ts';
import type { LabOptions } from './options.ts';
import type { NodeRules } from './rules.ts';

export interface BreakContext {
  readonly options: LabOptions;
  readonly machine: Machine;
  readonly rules: NodeRules;
  readonly cluster: ClusterChanges;
  /** To be done by heal besides starting kube-proxy again; said before the damage, so that it holds for half of it. */
  readonly onHeal: (undo: () => Promise<void>) => void;
}

/** What a break may do beside changing rules of its node. */
export interface ClusterChanges {
  /** hostnames-1 is deleted, and a pod with another address takes its place; all other nodes know. */
  moveEndpoint(exceptNode: string): Promise<void>;
  moveEndpointBack(): Promise<void>;
  /** The controllers have noticed that the node's kubelet is silent. */
  waitUntilNotReady(node: string): Promise<void>;
}

/**
 * kube-proxy keeps running unless the description says otherwise. It repairs rules at its next full synchronisation:
 * an hour after the last; some of them also when any Service or endpoint changes.
 */
export interface Break {
  readonly name: string;
  readonly description: string;
  /** Only nodes of a full lab have what it breaks; a plain lab refuses. */
  readonly full?: true;
  apply(context: BreakContext): Promise<void>;
}

export const BREAKS: readonly Break[] = [
  ...endpointBreaks,
  ...balancingBreaks,
  ...entryBreaks,
  ...snatBreaks,
  ...foreignBreaks,
  ...nodeBreaks,
  ...agentBreaks,
];

export function findBreak(name: string): Break {
  const found = BREAKS.find((one) => one.name === name);
  if (found === undefined)
    throw new Error(`no break ${name}; see the list: ${BREAKS.map((one) => one.name).join(', ')}`);
  return found;
}
