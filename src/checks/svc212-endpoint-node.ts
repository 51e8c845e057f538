import { printAddressPort } from '../model/address.ts';
import { defineCheck, judged, type Fault } from './check.ts';
import type { ServiceView } from './world.ts';

export default defineCheck({
  id: 'SVC212',
  slug: 'endpoint-node',
  severity: 'warning',
  invariant: null,
  scope: 'service',
  title: 'the node of every endpoint exists',
  docs: {
    why: `An endpoint that is said to run on a node the cluster does not have is most likely dead, and still gets its share of the connections until somebody removes it. For a Local traffic policy it is local to no node.`,
    causes: [
      `A node was deleted, and its pods have not been collected yet.`,
      `The slice is written by hand or by another controller, with a wrong nodeName.`,
    ],
    fix: [`Delete the pod, or correct the slice.`],
    ignoreWhen: `When the node was deleted on purpose a moment ago, or the address is outside of the cluster on purpose.`,
  },
  applies: ({ ports, cluster }) => ports.length > 0 && cluster.nodes.size > 0,
  judge: (view) => judged(homeless(view)),
});

function homeless({ ports, cluster, service }: ServiceView): readonly Fault[] {
  const byNode = new Map<string, Set<string>>();
  for (const port of ports) {
    for (const { node, ip, port: number, ready } of cluster.endpointsOf(port)) {
      if (node === null || !ready || cluster.nodes.has(node)) continue;
      byNode.set(node, (byNode.get(node) ?? new Set()).add(printAddressPort(ip, number)));
    }
  }
  return [...byNode].map(([node, endpoints]) => ({
    title: `${[...endpoints].toSorted().join(', ')} ${endpoints.size === 1 ? 'is' : 'are'} said to run on ${node}, which the cluster does not have`,
    cause: node,
    expected: [`a Node ${node}, or no such endpoint`],
    proof: [],
    found: null,
    confidence: 'likely',
    fix: [`kubectl -n ${service.namespace} get endpointslices -l kubernetes.io/service-name=${service.name} -o yaml`],
  }));
}
