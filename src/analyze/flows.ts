import {
  cidrContains,
  cidrOf,
  parseIp,
  printAddressPort,
  type Cidr,
  type Ip,
  type LowerProtocol,
} from '../model/address.ts';
import type { ClientKind } from '../model/report.ts';
import type { Packet } from '../netfilter/packet.ts';
import type { PortView } from '../checks/world.ts';

/** One kind of new connection to a Service port that enters at one node. */
export interface Flow {
  readonly client: ClientKind;
  /** `10.111.231.44:80`, `[fd00::1]:80`. */
  readonly destination: string;
  /** `vip` covers clusterIP, external and load-balancer addresses. */
  readonly kind: 'vip' | 'node-port';
  readonly origin: 'forwarded' | 'local';
  readonly packet: Packet;
  /** Endpoint that is its own client: tells whether hairpin connections work. */
  readonly hairpin: boolean;
}

/** Addresses for documentation (RFC 5737, RFC 3849): nobody's, so no rule means them. */
const OUTSIDE = { IPv4: '192.0.2.77', IPv6: '2001:db8::77' } as const;

/** The connections whose fate tells what users of a Service port experience at a node. */
export function flowsOf(view: PortView): readonly Flow[] {
  return [...vipFlows(view), ...nodePortFlows(view), ...hairpinFlows(view)];
}

function vipFlows(view: PortView): readonly Flow[] {
  const { port } = view;
  const clusterIP = clientsOf(view).map((client) => flowTo(view, client, port.clusterIP, port.port, 'vip'));
  const outside = [
    ...port.externalIPs,
    ...port.loadBalancerIngress.filter((vip) => vip.ipMode !== 'Proxy').map((vip) => vip.ip),
  ];
  const external = outsideClient(view);
  return [...clusterIP, ...outside.map((ip) => flowTo(view, external, ip, port.port, 'vip'))];
}

function nodePortFlows(view: PortView): readonly Flow[] {
  const nodeIP = view.on.settings.nodeIPs[0];
  if (view.port.nodePort === 0 || nodeIP === undefined) return [];
  return clientsOf(view).map((client) => flowTo(view, client, nodeIP, view.port.nodePort, 'node-port'));
}

/** An endpoint on this node that calls its own Service. */
function hairpinFlows(view: PortView): readonly Flow[] {
  const own = view.expected.endpoints.reachable.find((endpoint) => endpoint.node === view.on.node);
  if (own === undefined) return [];
  const client: Client = { kind: 'pod', ip: own.ip, hairpin: true };
  return [flowTo(view, client, view.port.clusterIP, view.port.port, 'vip')];
}

interface Client {
  readonly kind: ClientKind;
  readonly ip: Ip;
  readonly hairpin: boolean;
}

function clientsOf(view: PortView): readonly Client[] {
  const pod = podAddress(view);
  const node = view.on.settings.nodeIPs[0];
  return [
    ...(pod === null ? [] : [{ kind: 'pod' as const, ip: pod, hairpin: false }]),
    ...(node === undefined ? [] : [{ kind: 'node' as const, ip: node, hairpin: false }]),
    outsideClient(view),
  ];
}

/** A client that source ranges let in, if there are any. */
function outsideClient(view: PortView): Client {
  const allowed = view.port.sourceRanges[0];
  const nobody = parseIp(OUTSIDE[view.port.family]);
  return {
    kind: 'external',
    ip: allowed === undefined ? (nobody ?? view.port.clusterIP) : allowed.base,
    hairpin: false,
  };
}

/** An address of the node's pod range that is no endpoint; null when no range is known. */
function podAddress(view: PortView): Ip | null {
  const range = podRange(view);
  if (range === null) return null;
  const taken = new Set(view.expected.endpoints.reachable.map((endpoint) => endpoint.ip));
  for (let last = 250; last > 1; last--) {
    const ip = hostInRange(range, last);
    if (ip !== null && !taken.has(ip)) return ip;
  }
  return null;
}

function podRange(view: PortView): Cidr | null {
  const own = view.on.facts?.podCIDRs.find((cidr) => cidr.base.includes(':') === (view.port.family === 'IPv6'));
  if (own !== undefined) return own;
  const detection = view.on.settings.localDetection.value;
  return detection?.mode === 'source' ? detection.cidr : null;
}

function hostInRange(range: Cidr, last: number): Ip | null {
  const text = range.base.includes(':')
    ? `${range.base.endsWith('::') ? range.base : `${range.base.replace(/:[^:]*$/, '')}:`}${last.toString(16)}`
    : range.base.replace(/\d+$/, String(last));
  const ip = parseIp(text);
  return ip !== null && cidrContains(range, ip) && cidrOf(ip, range.prefix).base === range.base ? ip : null;
}

function flowTo(view: PortView, client: Client, ip: Ip, port: number, kind: Flow['kind']): Flow {
  const detection = view.on.settings.localDetection.value;
  const podInterface = detection?.mode === 'interface' ? detection.name.replace(/\+$/, '0') : null;
  return {
    client: client.kind,
    destination: printAddressPort(ip, port),
    kind,
    origin: client.kind === 'node' ? 'local' : 'forwarded',
    hairpin: client.hairpin,
    packet: {
      family: view.port.family,
      protocol: lower(view),
      source: client.ip,
      sourcePort: null,
      destination: ip,
      destinationPort: port,
      inInterface: client.kind === 'pod' ? podInterface : null,
      outInterface: null,
      mark: 0,
      state: 'NEW',
    },
  };
}

function lower(view: PortView): LowerProtocol {
  switch (view.port.protocol) {
    case 'TCP':
      return 'tcp';
    case 'UDP':
      return 'udp';
    case 'SCTP':
      return 'sctp';
  }
}
