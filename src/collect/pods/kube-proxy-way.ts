import type { ClusterConnection, ClusterReading } from '../cluster/index.ts';
import type { NodeWay } from '../way.ts';
import { ExecTransport } from './exec-transport.ts';
import { KubeProxyPods } from './kube-proxy-pods.ts';
import { refuseNodesWithoutPods } from './node-facts.ts';

/**
 * exec in the node's own kube-proxy pod: nothing is created, and the tools are those that wrote the rules. The official image
 * has no shell, so every command is an argv.
 */
export function kubeProxyWay(connection: ClusterConnection, reading: ClusterReading): NodeWay {
  const pods = new KubeProxyPods(reading);
  return {
    via: 'kube-proxy',
    open: async (node) => {
      refuseNodesWithoutPods(node);
      const target = pods.targetOn(node);
      return Promise.resolve(new ExecTransport({ via: 'kube-proxy', dialect: 'container', connection, target }));
    },
    close: async () => Promise.resolve(),
  };
}
