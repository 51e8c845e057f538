/**
 * The lab's network. The supervisor's own network namespace is the control plane, with a bridge; one namespace for each
 * node and for `external` hangs on that bridge, one for each pod on its node. The shape of the pods' links is Calico's:
 * a /32 behind a veth without an address on the node's side, so that masquerading picks the node's own address.
 */
import { requireSuccess, run } from './process.ts';
import { runIn } from './namespaces.ts';
import { CONTROL_PLANE, EXTERNAL, NODES, SERVICE_CIDR, SERVICE_CIDR6, nodePlan } from './topology.ts';
import type { NodePlan, PodPlan } from './topology.ts';

const BRIDGE = 'br0';
const POD_GATEWAY = '169.254.1.1';
const POD_GATEWAY6 = 'fe80::1';

export class Network {
  private readonly labtool: string;

  constructor(labtool: string) {
    this.labtool = labtool;
  }

  async build(): Promise<void> {
    await this.buildControlPlane();
    await Promise.all(NODES.map((node) => this.buildNode(node)));
    await this.buildExternal();
  }

  private async buildControlPlane(): Promise<void> {
    await this.sysctl(undefined, [
      'net/ipv4/ip_forward=0',
      'net/ipv6/conf/all/forwarding=0',
      'net/ipv6/conf/default/accept_dad=0',
    ]);
    await ip(undefined, [
      'link set lo up',
      `link add ${BRIDGE} type bridge`,
      `address add ${CONTROL_PLANE.ip}/24 dev ${BRIDGE}`,
      `-6 address add ${CONTROL_PLANE.ip6}/64 dev ${BRIDGE} nodad`,
      `link set ${BRIDGE} up`,
      ...podRoutes(),
    ]);
  }

  private async buildNode(node: NodePlan): Promise<void> {
    await this.attach(node.name, node.ip, node.ip6);
    await this.sysctl(node.name, ['net/ipv4/ip_forward=1', 'net/ipv6/conf/all/forwarding=1']);
    await ip(node.name, [
      ...podRoutes(node),
      // Without a way to everywhere the kernel neither sends to a Service's address nor answers for a pod's gateway.
      // The control plane does not forward: what no rule rewrites is lost there silently, as on most networks.
      `route add default via ${CONTROL_PLANE.ip}`,
      `-6 route add default via ${CONTROL_PLANE.ip6}`,
      // An address of the node's own range that no pod has is lost silently, as on a network without an answer to ARP.
      // Not a blackhole route: the kernel drops there before it notes the connection, and each repeated SYN would
      // choose an endpoint anew. A bridge without ports, since not every kernel has dummy links.
      'link add nowhere type bridge',
      'link set nowhere arp off up',
      `route add ${node.podCidr} dev nowhere`,
      `-6 route add ${node.podCidr6} dev nowhere`,
    ]);
  }

  /** The Service addresses are reached through a node; which one, the mark of a packet says. */
  private async buildExternal(): Promise<void> {
    await this.attach(EXTERNAL.netns, EXTERNAL.ip, EXTERNAL.ip6);
    const tables = NODES.flatMap((node) => {
      const mark = externalMark(node.name);
      const rule = `rule add fwmark ${mark} lookup ${100 + mark}`;
      const route = (cidr: string, via: string): string => `route add ${cidr} via ${via} table ${100 + mark}`;
      return [rule, `-6 ${rule}`, route(SERVICE_CIDR, node.ip), `-6 ${route(SERVICE_CIDR6, node.ip6)}`];
    });
    await ip(EXTERNAL.netns, [...podRoutes(), ...tables]);
  }

  /** A new namespace with `eth0` on the bridge. */
  private async attach(netns: string, address: string, address6: string): Promise<void> {
    const port = `port-${address.split('.').at(-1)}`;
    requireSuccess(await run(['ip', 'netns', 'add', netns]));
    await this.prepare(netns);
    await ip(undefined, [
      `link add ${port} type veth peer name eth0 netns ${netns}`,
      `link set ${port} master ${BRIDGE}`,
      `link set ${port} up`,
    ]);
    await ip(netns, [
      `address add ${address}/24 dev eth0`,
      `-6 address add ${address6}/64 dev eth0 nodad`,
      'link set eth0 up',
    ]);
  }

  /** Without duplicate address detection an address serves at once; with path filters answers would be lost. */
  private async prepare(netns: string): Promise<void> {
    await ip(netns, ['link set lo up']);
    await this.sysctl(netns, [
      'net/ipv6/conf/all/accept_dad=0',
      'net/ipv6/conf/default/accept_dad=0',
      'net/ipv4/conf/all/rp_filter=0',
      'net/ipv4/conf/default/rp_filter=0',
    ]);
  }

  async addPod(pod: PodPlan): Promise<void> {
    const netns = podNetns(pod.name);
    const link = podLink(pod);
    requireSuccess(await run(['ip', 'netns', 'add', netns]));
    await this.prepare(netns);
    await ip(pod.node, [
      `link add ${link} type veth peer name eth0 netns ${netns}`,
      `-6 address add ${POD_GATEWAY6}/64 dev ${link} nodad`,
      `link set ${link} up`,
      `route add ${pod.ip}/32 dev ${link} scope link`,
      `-6 route add ${pod.ip6}/128 dev ${link}`,
    ]);
    // The kernel answers a proxied question only after up to 0.8 s unless told otherwise.
    await this.sysctl(pod.node, [`net/ipv4/conf/${link}/proxy_arp=1`, `net/ipv4/neigh/${link}/proxy_delay=0`]);
    await ip(netns, [
      `address add ${pod.ip}/32 dev eth0`,
      `-6 address add ${pod.ip6}/128 dev eth0 nodad`,
      'link set eth0 up',
      `route add ${POD_GATEWAY} dev eth0 scope link`,
      `route add default via ${POD_GATEWAY} dev eth0`,
      `-6 route add default via ${POD_GATEWAY6} dev eth0`,
    ]);
  }

  /** The pod's address then belongs to nobody. Its processes have to be gone, or the namespace lives on with them. */
  async removePod(pod: PodPlan): Promise<void> {
    await ip(pod.node, [`link del ${podLink(pod)}`]);
    requireSuccess(await run(['ip', 'netns', 'del', podNetns(pod.name)]));
  }

  private async sysctl(netns: string | undefined, settings: readonly string[]): Promise<void> {
    requireSuccess(await runIn(netns, [this.labtool, 'sysctl', ...settings]));
  }
}

export function podNetns(pod: string): string {
  return `pod-${pod}`;
}

function podLink(pod: PodPlan): string {
  return `pod${pod.ip.split('.').at(-1)}`;
}

/** The mark that sends `external`'s packets for Service addresses through this node. */
export function externalMark(node: string): number {
  return NODES.indexOf(nodePlan(node)) + 1;
}

function podRoutes(except?: NodePlan): string[] {
  const others = NODES.filter((node) => node !== except);
  return others.flatMap((node) => [
    `route add ${node.podCidr} via ${node.ip}`,
    `-6 route add ${node.podCidr6} via ${node.ip6}`,
  ]);
}

/** Many `ip` commands in one process; the first that fails fails all. */
async function ip(netns: string | undefined, commands: readonly string[]): Promise<void> {
  // In a batch the family is not an option of a line, it is one of the whole.
  for (const family of ['-4', '-6']) {
    const own = commands.filter((command) => command.startsWith('-6 ') === (family === '-6'));
    const lines = own.map((command) => `${command.replace(/^-6 /, '')}\n`).join('');
    if (lines !== '') requireSuccess(await runIn(netns, ['ip', family, '-batch', '-'], { input: lines }));
  }
}
