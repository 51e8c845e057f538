/** How one Service of the zoo is written down: its API objects, without what the server fills in. */
import { NODES } from '../topology.ts';

export type Json = Readonly<Record<string, unknown>>;

/** One Service with everything that belongs to it. */
export interface Animal {
  readonly name: string;
  readonly service: Json;
  /** Written to the status subresource, as a cloud's controller would. */
  readonly status?: Json;
  readonly slices: readonly Json[];
}

export const NAMESPACE = 'zoo';

export type EndpointPlan = Json & { readonly addresses: readonly string[] };

export interface SlicePlan {
  readonly ports?: readonly Json[];
  readonly endpoints: readonly EndpointPlan[];
  readonly family?: 'IPv4' | 'IPv6';
}

interface AnimalPlan {
  readonly spec: Json;
  readonly labels?: Json;
  readonly annotations?: Json;
  readonly slices?: readonly SlicePlan[];
  /** Load-balancer ingress points. */
  readonly ingress?: readonly Json[];
}

/** The port most of them have, and what a slice says of it. */
export const HTTP = { name: 'http', port: 80, protocol: 'TCP', targetPort: 8080 } as const;
const HTTP_TARGET = { name: 'http', port: 8080, protocol: 'TCP' } as const;

export function animal(name: string, plan: AnimalPlan): Animal {
  const { spec, labels = {}, annotations = {}, slices = [], ingress } = plan;
  return {
    name,
    service: {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name, namespace: NAMESPACE, labels, annotations },
      spec: { ports: [HTTP], ...spec },
    },
    ...(ingress === undefined ? {} : { status: { loadBalancer: { ingress } } }),
    slices: slices.map((slice, index) => sliceObject(name, index, slice)),
  };
}

function sliceObject(service: string, index: number, { ports = [HTTP_TARGET], endpoints, family }: SlicePlan): Json {
  return {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: {
      name: `${service.slice(0, 50)}-${index}`,
      namespace: NAMESPACE,
      labels: { 'kubernetes.io/service-name': service, 'endpointslice.kubernetes.io/managed-by': 'zoo' },
    },
    addressType: family ?? 'IPv4',
    ports,
    endpoints,
  };
}

const READY = { ready: true, serving: true, terminating: false } as const;
export const NOT_READY = { ready: false, serving: false, terminating: false } as const;
export const STILL_SERVING = { ready: false, serving: true, terminating: true } as const;
export const GOING = { ready: false, serving: false, terminating: true } as const;

/** An endpoint in the pod range of a node (0, 1 or 2). */
export function on(node: number, host: number, conditions: Json = READY, more: Json = {}): EndpointPlan {
  return { addresses: [`10.168.${node}.${host}`], nodeName: NODES[node]?.name, conditions, ...more };
}

export function on6(node: number, host: number, conditions: Json = READY): EndpointPlan {
  const prefix = node === 0 ? 'fd00:10:168::' : `fd00:10:168:${node}::`;
  return { addresses: [`${prefix}${host}`], nodeName: NODES[node]?.name, conditions };
}

/** One ready endpoint on each node. */
export function everywhere(host: number): SlicePlan {
  return { endpoints: [on(0, host), on(1, host), on(2, host)] };
}

/**
 * What a kube-proxy that reads Endpoints (1.20 without slices) needs, as the endpoints controller would write it: the
 * addresses of the first family, each once for the same ports.
 */
export function endpointsOf({ name, slices }: Animal): Json {
  const ofFirstFamily = slices.filter((slice) => slice['addressType'] === slices[0]?.['addressType']);
  const byPorts = Map.groupBy(ofFirstFamily, (slice) => JSON.stringify(slice['ports']));
  const subsets = [...byPorts.values()].map((alike) => {
    const endpoints = alike.flatMap((slice) => slice['endpoints'] as readonly EndpointPlan[]);
    const ready = addressesOf(endpoints, (conditions) => conditions['ready'] !== false);
    const notReady = addressesOf(
      endpoints,
      (conditions) => conditions['ready'] === false && !conditions['terminating'],
    );
    return { addresses: ready, notReadyAddresses: notReady, ports: alike[0]?.['ports'] };
  });
  return {
    apiVersion: 'v1',
    kind: 'Endpoints',
    metadata: { name, namespace: NAMESPACE, labels: { 'endpointslice.kubernetes.io/skip-mirror': 'true' } },
    subsets: subsets.filter(({ addresses, notReadyAddresses }) => addresses.length + notReadyAddresses.length > 0),
  };
}

function addressesOf(endpoints: readonly EndpointPlan[], wanted: (conditions: Json) => boolean): readonly Json[] {
  const found = new Map<string | undefined, Json>();
  for (const { addresses, nodeName, conditions } of endpoints) {
    const [ip] = addresses;
    if (wanted(conditions as Json) && !found.has(ip)) found.set(ip, nodeName === undefined ? { ip } : { ip, nodeName });
  }
  return [...found.values()];
}
