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
import { destinationOf } from '../kubeproxy/rule-index.ts';
import type { Packet } from '../netfilter/packet.ts';
import type { PortView } from '../checks/world.ts';

/** One kind of new connection to a Service port that enters at one node. */
export interface Flow {
  readonly client: ClientKind;
  /** `10.111.231.44:80`, `[fd00::1]:80`. */
  readonly destination: string;
  /**
   * `vip` covers clusterIP, external and load-balancer addresses; `health-check` is healthCheckNodePort, `passing` an address
   * that the balancer itself serves (`ipMode: Proxy`): kube-proxy leaves such connections alone.
   */
  readonly kind: 'vip' | 'node-port' | 'health-check' | 'passing';
  readonly origin: 'forwarded' | 'local';
  readonly packet: Packet;
  /** Endpoint that is its own client: tells whether hairpin connections work. */
  readonly hairpin: boolean;
  /** A pod, but on another node. */
  readonly remote: boolean;
  /** Who this client is, where its kind does not say it: `a client 10.168.1.12:9376 has served before`. */
  readonly special: string | null;
  /** Lists of `-m recent` that know the client, and for how many seconds. */
  readonly remembered: ReadonlyMap<string, number>;
}

/** Addresses for documentation (RFC 5737, RFC 3849): nobody's, so no rule means them. */
const OUTSIDE = { IPv4: '192.0.2.77', IPv6: '2001:db8::77' } as const;

/** The connections whose fate tells what users of a Service port experience at a node. */
export function flowsOf(view: PortView): readonly Flow[] {
  return [...vipFlows(view), ...nodePortFlows(view), ...hairpinFlows(view).slice(0, 1)];
}

/**
 * Connections fewer people make. Damage that the usual ones do not feel may hit these: other ways to the same addresses,
 * endpoints that call themselves, clients of session affinity, clients that source ranges shut out.
 */
export function rareFlowsOf(view: PortView): readonly Flow[] {
  return [
    ...outerAddressFlows(view),
    ...otherNodePortFlows(view),
    ...healthCheckFlows(view),
    ...passingFlows(view),
    ...hairpinFlows(view).slice(1),
    ...returningFlows(view),
    ...surplusFlows(view),
    ...strangerFlows(view),
  ];
}

/**
 * Where a rule catches what is not its own, it may lead into a chain that lets only some clients through: one of each
 * source range of any Service.
 */
function strangerFlows(view: PortView): readonly Flow[] {
  if (view.on.comparison.oddRules.length === 0) return [];
  const clients = rangesOf(view.on).map((ip): Client => ({ kind: 'external', ip, special: `outside (${ip})` }));
  const ips = [view.port.clusterIP, ...outerAddresses(view)];
  return ips.flatMap((ip) => clients.map((client) => flowTo(view, client, ip, view.port.port, 'vip')));
}

const ranges = new WeakMap<PortView['on'], readonly Ip[]>();

function rangesOf(on: PortView['on']): readonly Ip[] {
  const known = ranges.get(on);
  if (known !== undefined) return known;
  const bases = on.ports.flatMap((port) =>
    port.sourceRanges.filter(({ prefix }) => prefix > 0).map(({ base }) => base),
  );
  const made = [...new Set(bases)].slice(0, ENOUGH_RANGES);
  ranges.set(on, made);
  return made;
}

/** More are not asked. */
const ENOUGH_RANGES = 12;

/** To addresses the port does not have, from which a rule leads to it all the same. */
function surplusFlows(view: PortView): readonly Flow[] {
  const [client] = insideClients(view);
  const nodeIP = view.on.settings.nodeIPs[0];
  const loopback = parseIp('127.0.0.1');
  return view.comparison.surplusEntries.flatMap(({ kind, rule }) => {
    const { address, protocol, port } = destinationOf(rule);
    if (kind !== 'leads-here' || port === null || client === undefined || protocol !== lower(view)) return [];
    // Whoever has the address feels it, and says so.
    if (view.on.ownerOf(address, protocol, port) !== null) return [];
    const ip = address === null ? null : parseIp(address);
    if (ip !== null) return [flowTo(view, client, ip, port, 'vip')];
    const toNode = nodeIP === undefined ? [] : [flowTo(view, client, nodeIP, port, 'node-port')];
    if (loopback === null || view.port.family === 'IPv6') return toNode;
    return [...toNode, flowTo(view, itself(loopback), loopback, port, 'node-port')];
  });
}

function itself(loopback: Ip): Client {
  return { kind: 'node', ip: loopback, special: 'the node itself through loopback' };
}

function vipFlows(view: PortView): readonly Flow[] {
  const { port } = view;
  const clusterIP = clientsOf(view).map((client) => flowTo(view, client, port.clusterIP, port.port, 'vip'));
  const external = outsideClient(view);
  return [...clusterIP, ...outerAddresses(view).map((ip) => flowTo(view, external, ip, port.port, 'vip'))];
}

function outerAddresses({ port }: PortView): readonly Ip[] {
  const vips = port.loadBalancerIngress.filter((vip) => vip.ipMode !== 'Proxy').map((vip) => vip.ip);
  return [...port.externalIPs, ...vips];
}

function outerAddressFlows(view: PortView): readonly Flow[] {
  const clients = [...insideClients(view), ...shutOutClients(view), ...remoteEndpoints(view)];
  return outerAddresses(view).flatMap((ip) => clients.map((client) => flowTo(view, client, ip, view.port.port, 'vip')));
}

function nodePortFlows(view: PortView): readonly Flow[] {
  const nodeIP = view.on.settings.nodeIPs[0];
  if (view.port.nodePort === 0 || nodeIP === undefined) return [];
  return clientsOf(view).map((client) => flowTo(view, client, nodeIP, view.port.nodePort, 'node-port'));
}

function otherNodePortFlows(view: PortView): readonly Flow[] {
  const { nodePort } = view.port;
  const nodeIP = view.on.settings.nodeIPs[0];
  if (nodePort === 0 || nodeIP === undefined) return [];
  const remote = remoteEndpoints(view).map((client) => flowTo(view, client, nodeIP, nodePort, 'node-port'));
  const loopback = view.port.family === 'IPv4' ? parseIp('127.0.0.1') : null;
  if (loopback === null) return remote;
  return [...remote, flowTo(view, itself(loopback), loopback, nodePort, 'node-port')];
}

function healthCheckFlows(view: PortView): readonly Flow[] {
  const { healthCheckNodePort, type, externalTrafficPolicy } = view.port.service;
  const nodeIP = view.on.settings.nodeIPs[0];
  if (type !== 'LoadBalancer' || externalTrafficPolicy !== 'Local') return [];
  if (healthCheckNodePort === 0 || nodeIP === undefined) return [];
  const flow = flowTo(view, outsideClient(view), nodeIP, healthCheckNodePort, 'health-check');
  return [{ ...flow, packet: { ...flow.packet, protocol: 'tcp' } }];
}

function passingFlows(view: PortView): readonly Flow[] {
  const passing = view.port.loadBalancerIngress.filter((vip) => vip.ipMode === 'Proxy');
  const clients = clientsOf(view);
  return passing.flatMap(({ ip }) => clients.map((client) => flowTo(view, client, ip, view.port.port, 'passing')));
}

/** More endpoints than these are walked for no question. */
const ENOUGH_ENDPOINTS = 50;

/** Endpoints on this node that call their own Service. */
function hairpinFlows(view: PortView): readonly Flow[] {
  const own = view.expected.endpoints.reachable.filter((endpoint) => endpoint.node === view.on.node);
  return own.slice(0, ENOUGH_ENDPOINTS).map(({ ip }, index) => {
    const special = index === 0 ? {} : { special: `endpoint ${ip} calling itself` };
    return flowTo(view, { kind: 'pod', ip, hairpin: true, ...special }, view.port.clusterIP, view.port.port, 'vip');
  });
}

/** Clients that session affinity takes back to an endpoint: shortly before, and shortly after it forgets them. */
function returningFlows(view: PortView): readonly Flow[] {
  const [pod] = insideClients(view);
  const nodeIP = view.on.settings.nodeIPs[0];
  const rules = view.expected.chains.flatMap((chain) => chain.rules.filter((rule) => rule.role === 'affinity'));
  return rules.slice(0, ENOUGH_ENDPOINTS).flatMap((rule) => {
    const recent = rule.rule.matches.find((match) => match.kind === 'recent');
    const endpoint = rule.endpoint;
    if (recent?.kind !== 'recent' || endpoint === null) return [];
    const served = `a client ${printAddressPort(endpoint.ip, endpoint.port)} has served before`;
    const timeout = recent.seconds ?? 0;
    return [timeout - 1, timeout + 1].flatMap((age) => {
      const know = (client: Client): Client => ({
        ...client,
        special: served,
        remembered: new Map([[recent.name, age]]),
      });
      const inside = pod === undefined ? [] : [flowTo(view, know(pod), view.port.clusterIP, view.port.port, 'vip')];
      if (view.port.nodePort === 0 || nodeIP === undefined) return inside;
      return [...inside, flowTo(view, know(outsideClient(view)), nodeIP, view.port.nodePort, 'node-port')];
    });
  });
}

interface Client {
  readonly kind: ClientKind;
  readonly ip: Ip;
  readonly hairpin?: boolean;
  readonly special?: string;
  readonly remembered?: ReadonlyMap<string, number>;
  /** A pod, but not of this node: it comes in from outside. */
  readonly remote?: boolean;
}

function clientsOf(view: PortView): readonly Client[] {
  return [...insideClients(view), outsideClient(view)];
}

function insideClients(view: PortView): readonly Client[] {
  const pod = podAddress(view);
  const node = view.on.settings.nodeIPs[0];
  return [
    ...(pod === null ? [] : [{ kind: 'pod' as const, ip: pod }]),
    ...(node === undefined ? [] : [{ kind: 'node' as const, ip: node }]),
  ];
}

/** A client that source ranges let in, if there are any. */
function outsideClient(view: PortView): Client {
  const allowed = view.port.sourceRanges[0];
  const nobody = parseIp(OUTSIDE[view.port.family]);
  return { kind: 'external', ip: allowed === undefined ? (nobody ?? view.port.clusterIP) : allowed.base };
}

/** One client of each further source range, and one of none. */
function shutOutClients(view: PortView): readonly Client[] {
  const [, ...further] = view.port.sourceRanges;
  const others = further.map(({ base }): Client => ({ kind: 'external', ip: base, special: `outside (${base})` }));
  const nobody = STRANGERS[view.port.family]
    .map(parseIp)
    .find((ip) => ip !== null && !view.port.sourceRanges.some((range) => cidrContains(range, ip)));
  if (nobody === undefined || nobody === null || view.port.sourceRanges.length === 0) return others;
  return [...others, { kind: 'external', ip: nobody, special: 'outside the source ranges' }];
}

const STRANGERS = {
  IPv4: ['192.0.2.77', '198.51.100.77', '203.0.113.77', '100.64.77.77'],
  IPv6: ['2001:db8::77', '2001:db8:7777::77', '3fff::77'],
} as const;

/** Endpoints on other nodes that come here as clients, and may be taken to themselves. */
function remoteEndpoints(view: PortView): readonly Client[] {
  return view.expected.endpoints.reachable
    .filter((endpoint) => endpoint.node !== view.on.node)
    .slice(0, ENOUGH_ENDPOINTS)
    .map(({ ip }) => ({ kind: 'pod', ip, hairpin: true, remote: true, special: `endpoint ${ip} of another node` }));
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
  return {
    client: client.kind,
    destination: printAddressPort(ip, port),
    kind,
    origin: client.kind === 'node' ? 'local' : 'forwarded',
    hairpin: client.hairpin ?? false,
    remote: client.remote ?? false,
    special: client.special ?? null,
    remembered: client.remembered ?? NOBODY,
    packet: {
      family: view.port.family,
      protocol: lower(view),
      source: client.ip,
      sourcePort: null,
      destination: ip,
      destinationPort: port,
      inInterface: inInterface(view, client),
      outInterface: null,
      mark: 0,
      state: 'NEW',
    },
  };
}

const NOBODY: ReadonlyMap<string, number> = new Map();

/** Matters only where kube-proxy knows its pods by their interface. */
function inInterface(view: PortView, client: Client): string | null {
  const detection = view.on.settings.localDetection.value;
  if (detection?.mode !== 'interface') return null;
  const ofPods = detection.name.replace(/\+$/, '0');
  return client.kind === 'pod' && client.remote !== true ? ofPods : OTHER_INTERFACE;
}

/** Of no pod, whatever pods' interfaces are called. */
const OTHER_INTERFACE = 'uplink';

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
