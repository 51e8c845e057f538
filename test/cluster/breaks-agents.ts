/** What can go wrong with a node's kubelet and containerd. Only a full lab has them. */
import type { Break, BreakContext } from './breaks.ts';
import type { Agents } from './agents.ts';

export const agentBreaks: readonly Break[] = [
  {
    name: 'kubelet-dead',
    description: 'the kubelet is killed; the node is no longer Ready, its pods and rules go on',
    full: true,
    apply: async (context) => {
      await agentsOf(context).kubelet.stop();
      context.rules.did.push('kill -KILL kubelet');
      await context.cluster.waitUntilNotReady(context.machine.plan.name);
    },
  },
  {
    name: 'containerd-dead',
    description: 'containerd is killed; nothing can be executed in the pods of the node, which go on',
    full: true,
    apply: async (context) => {
      await agentsOf(context).containerd.stop();
      context.rules.did.push('kill -KILL containerd');
    },
  },
];

function agentsOf({ machine }: BreakContext): Agents {
  if (machine.agents === undefined)
    throw new Error(`${machine.plan.name} has neither kubelet nor containerd: that takes a full lab (up --full)`);
  return machine.agents;
}
