import type { Cidr, Family, Ip, Protocol } from './address.ts';
import type { DnsFacts } from './dns.ts';

/**
 * Services, endpoints, nodes and pods as the checks see them: parsed once, oddities of the API gone. The parsers are
 * in `parse-*.ts` beside this file; below them nobody sees an API object.
 */

/** kube-proxy's own name of a Service port: `namespace/name:portName`, without `:portName` for an unnamed port. */
export type ServicePortId = string;

export type ServiceType = 'ClusterIP' | 'NodePort' | 'LoadBalancer' | 'ExternalName';

export type TrafficPolicy = 'Cluster' | 'Local';

/** One Service object. */
export interface Service {
  readonly namespace: string;
  readonly name: string;
  readonly type: ServiceType;
  /** `clusterIP: None`, or empty for a type other than ExternalName. */
  readonly headless: boolean;
  /** `spec.externalName` of an ExternalName Service, else null. */
  readonly externalName: string | null;
  /** null: no selector; its slices are made by hand or by another controller. */
  readonly selector: ReadonlyMap<string, string> | null;
  /** In order; of both families. */
  readonly clusterIPs: readonly Ip[];
  readonly externalIPs: readonly Ip[];
  /** `status.loadBalancer.ingress`, entries that have an `ip`. */
  readonly loadBalancerIngress: readonly LoadBalancerIngress[];
  /** Entries of the ingress status that have a hostname only. */
  readonly loadBalancerHostnames: readonly string[];
  readonly sourceRanges: readonly Cidr[];
  readonly internalTrafficPolicy: TrafficPolicy;
  readonly externalTrafficPolicy: TrafficPolicy;
  /** `sessionAffinity: ClientIP`: its timeout in seconds (default 10800); null for None. */
  readonly affinitySeconds: number | null;
  /** 0 when none. */
  readonly healthCheckNodePort: number;
  readonly publishNotReadyAddresses: boolean;
  readonly ports: readonly ServiceSpecPort[];
  readonly labels: ReadonlyMap<string, string>;
  readonly annotations: ReadonlyMap<string, string>;
  readonly deleting: boolean;
  readonly resourceVersion: string | null;
}

export interface LoadBalancerIngress {
  readonly ip: Ip;
  /** null: field absent, counts as `VIP`. */
  readonly ipMode: 'VIP' | 'Proxy' | null;
}

export interface ServiceSpecPort {
  /** Empty for an unnamed port. */
  readonly name: string;
  readonly protocol: Protocol;
  readonly port: number;
  /** Number or name; null when absent (then it is `port`). */
  readonly targetPort: number | string | null;
  /** 0 when none. */
  readonly nodePort: number;
}

/** One port of one Service in one family: what kube-proxy makes rules for. */
export interface ServicePort {
  readonly id: ServicePortId;
  readonly service: Service;
  readonly portName: string;
  readonly protocol: Protocol;
  readonly family: Family;
  /** Of this family. */
  readonly clusterIP: Ip;
  readonly port: number;
  /** 0 when none. */
  readonly nodePort: number;
  readonly externalIPs: readonly Ip[];
  readonly loadBalancerIngress: readonly LoadBalancerIngress[];
  /** Of this family; empty: no restriction is written in the Service. */
  readonly sourceRanges: readonly Cidr[];
}

/** One address and port of one EndpointSlice (or Endpoints object) for one Service port. */
export interface Endpoint {
  readonly ip: Ip;
  readonly port: number;
  readonly node: string | null;
  /** nil in the API counts as true. */
  readonly ready: boolean;
  /** nil in the API counts as true. */
  readonly serving: boolean;
  readonly terminating: boolean;
  readonly zoneHints: readonly string[];
  readonly nodeHints: readonly string[];
  /** Pod name of the targetRef in the Service's namespace, null without one. */
  readonly pod: string | null;
  /** Name of the EndpointSlice; null when it came from an Endpoints object. */
  readonly slice: string | null;
}

export interface NodeFacts {
  readonly name: string;
  readonly internalIPs: readonly Ip[];
  /** All addresses of the status that are IPs, internal ones included. */
  readonly addresses: readonly Ip[];
  readonly podCIDRs: readonly Cidr[];
  readonly zone: string | null;
  readonly ready: boolean | null;
  readonly operatingSystem: string | null;
  /** Names of its annotations: network plugins leave theirs. */
  readonly annotations: readonly string[];
  readonly labels: ReadonlyMap<string, string>;
}

export interface PodFacts {
  readonly namespace: string;
  readonly name: string;
  readonly node: string | null;
  readonly phase: string | null;
  readonly ready: boolean;
  /** When it became ready, RFC 3339; null when it is not, or nobody says. */
  readonly readySince: string | null;
  readonly deleting: boolean;
  readonly ips: readonly Ip[];
  readonly hostNetwork: boolean;
  readonly labels: ReadonlyMap<string, string>;
  readonly containerPorts: readonly { readonly name: string; readonly port: number; readonly protocol: Protocol }[];
}

/** An EndpointSlice, whether kube-proxy can use it or not. */
export interface SliceFacts {
  /** `namespace/name` of the Service its label names. */
  readonly service: string;
  readonly name: string;
  /** `IPv4`, `IPv6`, `FQDN`, or whatever stands there. */
  readonly addressType: string;
  readonly ports: readonly { readonly name: string; readonly protocol: string }[];
  /** How many it lists, in whatever state. */
  readonly endpoints: number;
}

/** By family, sorted. */
export interface ReadyAddresses extends Readonly<Record<Family, readonly Ip[]>> {
  /** Some ready endpoint has a name in place of an address: an FQDN slice. */
  readonly namesToo: boolean;
}

/** What a cluster says it wants, for the Services that were read. */
export interface Cluster {
  /** By namespace, then name. */
  readonly services: readonly Service[];
  /** By id, family IPv4 first. Headless and ExternalName Services have none. */
  readonly servicePorts: readonly ServicePort[];
  /** All endpoints of the port in slice order, ready or not; `[]` when none. */
  endpointsOf(port: ServicePort): readonly Endpoint[];
  /** What {@link endpointsOf} would answer from `Endpoints` objects (kube-proxy before 1.19); null: not read. */
  legacyEndpointsOf(port: ServicePort): readonly Endpoint[] | null;
  /** Every slice with the Service's label. */
  slicesOf(service: Service): readonly SliceFacts[];
  /** Addresses of its ready endpoints, of all its slices; null: slices were not read. */
  readyAddressesOf(service: Service): ReadyAddresses | null;
  /** What the cluster's DNS servers answer; null: they were not asked. */
  readonly dns: DnsFacts | null;
  /** `slices`, or `endpoints` when only those could be had; `none`: neither was read, so nothing is known of endpoints. */
  readonly endpointSource: 'slices' | 'endpoints' | 'none';
  readonly nodes: ReadonlyMap<string, NodeFacts>;
  /** null: pods were not read. */
  readonly pods: readonly PodFacts[] | null;
  /** `gitVersion` of the API server, null when not read. */
  readonly serverVersion: string | null;
  /** Oddities that were set aside, with the object and field they were found in. */
  readonly notes: readonly ObjectNote[];
}

export interface ObjectNote {
  /** e.g. `cluster/services.json`. */
  readonly source: string;
  /** e.g. `default/hostnames spec.externalIPs[1]`. */
  readonly where: string;
  readonly text: string;
}
