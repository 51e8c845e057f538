/** Connections people could make to the Services of a recording, as packets that reach one node. */
import type { Packet, State } from './kernel-rules.ts';
import type { Surroundings } from './kernel.ts';

export interface Probe {
  /** The Service port it is for; null: for the node as a whole. */
  readonly servicePort: string | null;
  readonly what: string;
  readonly packet: Packet;
}

interface ServiceObject {
  readonly metadata: { readonly namespace: string; readonly name: string; readonly labels?: Record<string, string> };
  readonly spec: {
    readonly clusterIPs?: readonly string[];
    readonly externalIPs?: readonly string[];
    readonly sessionAffinityConfig?: { readonly clientIP: { readonly timeoutSeconds: number } };
    readonly ports?: readonly {
      readonly name?: string;
      readonly port: number;
      readonly protocol: string;
      readonly nodePort?: number;
    }[];
  };
  readonly status: {
    readonly loadBalancer?: { readonly ingress?: readonly { readonly ip?: string; readonly ipMode?: string }[] };
  };
}

interface SliceObject {
  readonly metadata: { readonly namespace: string; readonly labels: Record<string, string> };
  readonly endpoints?: readonly { readonly addresses: readonly string[]; readonly nodeName?: string }[];
}

export interface NodePlace {
  readonly name: string;
  /** The node's address in the family, and the begin of its pods' addresses. */
  readonly address: string;
  readonly podPrefix: string;
  readonly otherPodPrefix: string;
  /**
   * Since 1.29 kube-proxy drops INVALID packets only if conntrack is strict, and nobody tells us whether it is; the
   * rules alone do not tell 1.29 from 1.25.
   */
  readonly judgesInvalid: boolean;
  /** Interfaces of pods in the world, e.g. `cni0`. */
  readonly podInterface: string;
}

export interface Objects {
  readonly services: readonly ServiceObject[];
  readonly slices: readonly SliceObject[];
}

/** Clients from outside: in one, in another and in none of the zoo's source ranges. */
const OUTSIDE = {
  IPv4: ['192.0.2.7', '198.51.100.200', '203.0.113.200', '172.31.0.100', '100.64.9.9'],
  IPv6: ['2001:db8::7', '2001:db8:9::7'],
} as const;

export function surroundings({ services }: Objects, place: NodePlace): Surroundings {
  const virtual = new Set(
    services.flatMap(({ spec, status }) => [
      ...(spec.clusterIPs ?? []),
      ...(spec.externalIPs ?? []),
      ...(status.loadBalancer?.ingress ?? []).flatMap(({ ip, ipMode }) => (ipMode === 'Proxy' ? [] : (ip ?? []))),
    ]),
  );
  const nodePorts = new Set(services.flatMap(({ spec }) => (spec.ports ?? []).map(({ nodePort }) => nodePort)));
  return {
    isOwn: (source) => source === place.address,
    isVirtual: (address) => virtual.has(address),
    isNodePort: (port) => nodePorts.has(port),
    isLocal: (address) => address === place.address || address.startsWith('127.') || address === '::1',
    outputTo: (address) => (address.startsWith(place.podPrefix) ? place.podInterface : 'eth0'),
  };
}

export function probesFor(objects: Objects, place: NodePlace, affinityLists: AffinityLists): readonly Probe[] {
  const services = objects.services.filter(
    (service) =>
      servedAddress(service, place) !== undefined &&
      service.metadata.labels?.['service.kubernetes.io/service-proxy-name'] === undefined,
  );
  return [
    ...services.flatMap((service) => serviceProbes(service, objects, place, affinityLists)),
    ...nodeProbes(place, services),
  ];
}

/** Lists of `recent` by Service, as the healthy rules name them. */
export type AffinityLists = (service: string) => readonly string[];

function family(address: string): 'IPv4' | 'IPv6' {
  return address.includes(':') ? 'IPv6' : 'IPv4';
}

function servedAddress({ spec }: ServiceObject, place: NodePlace): string | undefined {
  return spec.clusterIPs?.find((ip) => ip !== 'None' && family(ip) === family(place.address));
}

function serviceProbes(
  service: ServiceObject,
  objects: Objects,
  place: NodePlace,
  affinityLists: AffinityLists,
): readonly Probe[] {
  const { spec, status, metadata } = service;
  const own = family(place.address);
  const name = `${metadata.namespace}/${metadata.name}`;
  const clusterIP = servedAddress(service, place) ?? '';
  const balancers = (status.loadBalancer?.ingress ?? []).flatMap(({ ip }) => ip ?? []);
  const outer = [...(spec.externalIPs ?? []), ...balancers].filter((ip) => family(ip) === own);
  const endpoints = endpointsOf(service, objects, place);
  const lists = affinityLists(name);
  const timeout = spec.sessionAffinityConfig?.clientIP.timeoutSeconds ?? 10_800;
  return (spec.ports ?? []).flatMap((port) => {
    const servicePort = port.name === undefined ? name : `${name}:${port.name}`;
    const protocol = port.protocol.toLowerCase();
    const probe = (client: Client, destination: string, number: number, remembered: Remembered = NOBODY): Probe => ({
      servicePort,
      what: `${client.what} to ${destination} ${protocol}/${number}`,
      packet: packetOf(client, destination, protocol, number, 'NEW', remembered),
    });
    const local = clientsOn(place);
    const remote = clientsFrom(place, endpoints);
    const memories = lists.flatMap((list) => [timeout - 1, timeout + 1].map((age) => new Map([[list, age]])));
    const [pod] = local;
    const [outside] = remote;
    return [
      ...[...local, ...outsideClients(place), ...endpoints.local.map((ip) => inside(ip, place))].map((client) =>
        probe(client, clusterIP, port.port),
      ),
      ...(pod === undefined ? [] : memories.map((memory) => probe(pod, clusterIP, port.port, memory))),
      ...(outside === undefined || port.nodePort === undefined
        ? []
        : memories.map((memory) => probe(outside, place.address, port.nodePort ?? 0, memory))),
      ...outer.flatMap((ip) => [...local, ...remote].map((client) => probe(client, ip, port.port))),
      ...(port.nodePort === undefined
        ? []
        : [
            ...[...local, ...remote].map((client) => probe(client, place.address, port.nodePort ?? 0)),
            ...(own === 'IPv4' ? [probe(LOOPBACK, '127.0.0.1', port.nodePort)] : []),
          ]),
    ];
  });
}

/** Endpoints on this node, and on other nodes. */
interface EndpointAddresses {
  readonly local: readonly string[];
  readonly remote: readonly string[];
}

function endpointsOf({ metadata }: ServiceObject, { slices }: Objects, place: NodePlace): EndpointAddresses {
  const endpoints = slices
    .filter(
      (slice) =>
        slice.metadata.namespace === metadata.namespace &&
        slice.metadata.labels['kubernetes.io/service-name'] === metadata.name,
    )
    .flatMap((slice) => slice.endpoints ?? [])
    .filter(({ addresses: [ip = ''] }) => family(ip) === family(place.address));
  const on = (here: boolean): readonly string[] => [
    ...new Set(endpoints.filter(({ nodeName }) => (nodeName === place.name) === here).flatMap((one) => one.addresses)),
  ];
  return { local: on(true), remote: on(false) };
}

interface Client {
  readonly what: string;
  readonly source: string;
  readonly input: string | null;
}

type Remembered = ReadonlyMap<string, number>;
const NOBODY: Remembered = new Map();
const LOOPBACK: Client = { what: 'the node by loopback', source: '127.0.0.1', input: null };

function inside(ip: string, place: NodePlace): Client {
  return { what: `endpoint ${ip}`, source: ip, input: place.podInterface };
}

function clientsOn(place: NodePlace): readonly Client[] {
  return [
    { what: 'a pod', source: `${place.podPrefix}77`, input: place.podInterface },
    { what: 'the node', source: place.address, input: null },
  ];
}

function outsideClients(place: NodePlace): readonly Client[] {
  return OUTSIDE[family(place.address)].map((source) => ({ what: `outside ${source}`, source, input: 'eth0' }));
}

function clientsFrom(place: NodePlace, endpoints: EndpointAddresses): readonly Client[] {
  const other = { what: 'a pod of another node', source: `${place.otherPodPrefix}77`, input: 'eth0' };
  return [
    ...outsideClients(place),
    other,
    ...endpoints.local.map((ip) => inside(ip, place)),
    // Those of a crowd are alike.
    ...endpoints.remote.slice(0, 6).map((source) => ({ what: `endpoint ${source}`, source, input: 'eth0' })),
  ];
}

/** What kube-proxy's rules decide about packets that are for no Service. */
function nodeProbes(place: NodePlace, services: readonly ServiceObject[]): readonly Probe[] {
  const taken = services.flatMap(({ spec }) => (spec.ports ?? []).filter(({ nodePort }) => nodePort !== undefined));
  const next = taken
    .map(({ nodePort = 0, protocol }) => ({ port: nodePort + 1, protocol: protocol.toLowerCase() }))
    .filter(({ port }) => !taken.some(({ nodePort }) => nodePort === port));
  const pod = { what: 'a pod', source: `${place.podPrefix}77`, input: place.podInterface };
  const outside = { what: 'outside', source: OUTSIDE[family(place.address)][0], input: 'eth0' };
  const nobodys = family(place.address) === 'IPv4' ? '10.111.9.98' : 'fd00:10:96::dead';
  const plain = (client: Client, destination: string, port: number, state: State, protocol = 'tcp'): Probe => ({
    servicePort: null,
    what: `${state} ${client.what} to ${destination} ${protocol}/${port}`,
    packet: packetOf(client, destination, protocol, port, state, NOBODY),
  });
  const states = place.judgesInvalid ? (['NEW', 'ESTABLISHED', 'INVALID'] as const) : (['NEW', 'ESTABLISHED'] as const);
  return [
    ...states.flatMap((state) => [
      plain(pod, `${place.otherPodPrefix}77`, 8080, state),
      plain(outside, `${place.podPrefix}77`, 8080, state),
      plain(outside, place.address, 22, state),
    ]),
    ...(family(place.address) === 'IPv4' ? [plain(outside, '127.0.0.1', 22, 'NEW')] : []),
    ...next.flatMap(({ port, protocol }) => [
      plain(outside, place.address, port, 'NEW', protocol),
      ...(family(place.address) === 'IPv4' ? [plain(LOOPBACK, '127.0.0.1', port, 'NEW', protocol)] : []),
    ]),
    ...[80, 81, 443, 53, 5000, 9090].flatMap((port) =>
      ['tcp', 'udp', 'sctp'].flatMap((protocol) => [
        plain(pod, nobodys, port, 'NEW', protocol),
        plain(outside, place.address, port, 'NEW', protocol),
      ]),
    ),
  ];
}

function packetOf(
  { source, input }: Client,
  destination: string,
  protocol: string,
  port: number,
  state: State,
  remembered: Remembered,
): Packet {
  return { protocol, source, destination, port, input, output: null, mark: 0, state, translated: false, remembered };
}
