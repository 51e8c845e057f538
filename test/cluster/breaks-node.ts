/** What can go wrong with a node as a whole. */
import type { Break } from './breaks.ts';

export const nodeBreaks: readonly Break[] = [
  {
    name: 'kube-proxy-dead',
    description: 'kube-proxy is killed; then an endpoint moves to another address, which this node never hears of',
    apply: async ({ machine, cluster, rules, onHeal }) => {
      onHeal(() => cluster.moveEndpointBack());
      await machine.kubeProxy.stop();
      rules.did.push(
        'kill -KILL kube-proxy',
        'kubectl delete pod hostnames-1; its successor hostnames-3 has another address',
      );
      await cluster.moveEndpoint(machine.plan.name);
    },
  },
  {
    name: 'node-without-rules',
    description: 'kube-proxy is killed, and all its chains of both families are flushed and deleted',
    apply: async ({ machine, rules }) => {
      await machine.kubeProxy.stop();
      rules.did.push('kill -KILL kube-proxy');
      await rules.removeKubeChains('iptables');
      await rules.removeKubeChains('ip6tables');
    },
  },
  {
    name: 'sshd-down',
    description: 'the node cannot be logged in to; its rules are fine',
    apply: async ({ machine, rules }) => {
      await machine.stopSshd();
      rules.did.push('kill -KILL sshd');
    },
  },
];
