/** The cluster every lab builds: the article's three nodes, their pods, and the Service `hostnames`. */

export interface NodePlan {
  readonly name: string;
  readonly ip: string;
  readonly ip6: string;
  readonly podCidr: string;
  readonly podCidr6: string;
  readonly zone: string;
}

export interface PodPlan {
  readonly name: string;
  readonly app: string;
  readonly node: string;
  readonly ip: string;
  readonly ip6: string;
  /** The port its server listens on; none for a pod that is only a client. */
  readonly port?: number;
}

export interface ServicePlan {
  readonly name: string;
  readonly clusterIp: string;
  readonly port: number;
  readonly targetPort: number;
  readonly nodePort?: number;
}

export const CLUSTER_CIDR = '10.168.0.0/16,fd00:10:168::/48';
export const SERVICE_CIDR = '10.96.0.0/12';
export const SERVICE_CIDR6 = 'fd00:10:96::/112';

/** The cluster's DNS, in a full lab. */
export const DNS_SERVICE = { name: 'kube-dns', ip: '10.96.0.10' } as const;
export const CLUSTER_DOMAIN = 'cluster.local';
/** Every name below it is known outside the cluster, as {@link EXTERNAL}; no other name is known there. */
export const OUTSIDE_DOMAIN = 'example.com';

export const CONTROL_PLANE = { ip: '172.31.0.10', ip6: 'fd00:172:31::10', port: 6443 } as const;

/** A machine on the nodes' network that is no node: where traffic from outside the cluster comes from. */
export const EXTERNAL = { netns: 'external', ip: '172.31.0.100', ip6: 'fd00:172:31::100' } as const;

export const NODES: readonly NodePlan[] = [0, 1, 2].map((index) => ({
  name: `rain-kubernetes-${index + 1}`,
  ip: `172.31.0.${11 + index}`,
  ip6: `fd00:172:31::${11 + index}`,
  podCidr: `10.168.${index}.0/24`,
  podCidr6: `fd00:10:168:${index}::/64`,
  zone: `z${index % 2}`,
}));

/** The node that breaks happen on unless another is named; it is the home of the second of the three endpoints. */
export const DEFAULT_BROKEN_NODE = 'rain-kubernetes-2';

/** A pod that listens on a port. */
export type ServerPlan = PodPlan & { readonly port: number };

function server(port: number, pod: PodPlan): ServerPlan {
  return { ...pod, port };
}

function pod(name: string, app: string, nodeIndex: number, host: number): PodPlan {
  return {
    name,
    app,
    node: `rain-kubernetes-${nodeIndex + 1}`,
    ip: `10.168.${nodeIndex}.${host}`,
    ip6: `fd00:10:168:${nodeIndex}::${host}`,
  };
}

/** In the order kube-proxy balances over them: by address. */
export const HOSTNAMES_PODS = [
  server(9376, pod('hostnames-0', 'hostnames', 0, 10)),
  server(9376, pod('hostnames-1', 'hostnames', 1, 12)),
  server(9376, pod('hostnames-2', 'hostnames', 2, 21)),
] as const satisfies readonly ServerPlan[];

/** What replaces hostnames-1 when an endpoint moves. */
export const MOVED_POD: ServerPlan = server(9376, pod('hostnames-3', 'hostnames', 1, 13));

export const PODS: readonly PodPlan[] = [
  ...HOSTNAMES_PODS,
  server(8080, pod('other-0', 'other', 2, 30)),
  pod('client-0', 'client', 0, 50),
  pod('client-1', 'client', 1, 50),
  pod('client-2', 'client', 2, 50),
];

export const HOSTNAMES: ServicePlan & { readonly nodePort: number } = {
  name: 'hostnames',
  clusterIp: '10.111.231.44',
  port: 80,
  targetPort: 9376,
  nodePort: 30000,
};

/** A healthy Service beside the broken one: nothing that is done to `hostnames` may ever be reported about it. */
export const OTHER: ServicePlan = { name: 'other', clusterIp: '10.111.231.45', port: 80, targetPort: 8080 };

export const SERVICES: readonly ServicePlan[] = [HOSTNAMES, OTHER];

/** An address in the Service range that no Service has, and one in a pod range that no pod has. */
export const NO_SERVICE_IP = '10.111.231.99';
export const NO_POD_IP = '10.168.1.99';

export function nodePlan(name: string): NodePlan {
  const found = NODES.find((node) => node.name === name);
  if (found === undefined) throw new Error(`no node ${name}; there are ${NODES.map((node) => node.name).join(', ')}`);
  return found;
}
