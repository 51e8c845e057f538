import { cidrContains, parseIp } from '../model/address.ts';
import { defineCheck, judged, type StoppedFlow } from './check.ts';
import type { FamilyView, PortView } from './world.ts';

export default defineCheck({
  id: 'SVC608',
  slug: 'bridge-netfilter',
  severity: 'error',
  invariant: null,
  scope: 'node',
  title: 'packets between pods on one bridge pass netfilter',
  docs: {
    why: `Where pods of a node hang on a Linux bridge, a pod's connection to a Service may be taken to an endpoint on the same bridge. The answer then crosses the bridge straight to the client, which netfilter does not see unless the bridge hands it over: nobody translates it back, and the client, which never spoke to that address, refuses it. The typical victim is DNS on nodes that run a DNS pod.`,
    causes: [
      `br_netfilter is not loaded after a reboot: it is missing in /etc/modules-load.d.`,
      `net.bridge.bridge-nf-call-iptables was set to 0, as some guides for virtual machines advise.`,
    ],
    fix: [
      `Load br_netfilter and set net.bridge.bridge-nf-call-iptables = 1 (bridge-nf-call-ip6tables for IPv6), now and for the next start.`,
    ],
    ignoreWhen: `When the bridge itself is told to (nf_call_iptables in /sys/class/net/BRIDGE/bridge), or the plugin isolates the ports of the bridge so that all packets are routed.`,
  },
  applies: ({ condition, hasProxyRules }) => condition.sysctls !== null && condition.links !== null && hasProxyRules,
  judge: (view) => {
    const bridge = podBridgeOf(view);
    const off = bridge === null ? null : offBy(view);
    if (bridge === null || off === null) return judged([]);
    const setting = settingOf(view);
    return judged([
      {
        title: `${view.family} packets between pods on bridge ${bridge.name} do not pass netfilter`,
        cause: view.family,
        expected: [`${setting} = 1`],
        proof: [],
        found: `${off}; ${bridge.ports === 1 ? 'one port' : `${bridge.ports} ports`} of bridge ${bridge.name}, which has an address of the pod range`,
        confidence: 'likely',
        fix: [
          `modprobe br_netfilter && sysctl -w ${setting}=1   # on ${view.node}, and in /etc/modules-load.d, /etc/sysctl.d`,
        ],
      },
    ]);
  },
  hits: (view) => stops(view).length > 0,
  stops,
});

function settingOf({ family }: FamilyView): string {
  return `net.bridge.bridge-nf-call-${family === 'IPv4' ? 'iptables' : 'ip6tables'}`;
}

/** The setting is 0, or its folder is missing from an answer that looked for it: without the module there is none. */
function offBy(view: FamilyView): string | null {
  const setting = settingOf(view);
  const value = view.condition.sysctls?.get(setting.replaceAll('.', '/'));
  if (value !== undefined) return value === '0' ? `${setting} is 0` : null;
  // Only the whole list has values of interfaces: a few lines by hand say nothing about the rest.
  const isWhole = view.condition.sysctls?.has('net/ipv4/conf/default/forwarding') === true;
  return isWhole ? `${setting} does not exist: br_netfilter is not loaded` : null;
}

/** The bridge that has an address of the node's pod range; null: pods do not hang on a bridge, or nobody knows. */
function podBridgeOf({
  condition: { links },
  facts,
  family,
}: FamilyView): { readonly name: string; readonly ports: number } | null {
  const range = facts?.podCIDRs.find(({ base }) => base.includes(':') === (family === 'IPv6'));
  if (range === undefined || links === null) return null;
  for (const { name, addresses } of links) {
    const ips = addresses.flatMap((text) => parseIp(text) ?? []);
    const ports = links.filter(({ master }) => master === name).length;
    if (ports > 0 && ips.some((ip) => cidrContains(range, ip))) return { name, ports };
  }
  return null;
}

/** From pods of the node to endpoints among them; a masqueraded one answers the node, which netfilter sees. */
function stops(view: PortView): readonly StoppedFlow[] {
  const range = view.on.facts?.podCIDRs.find(({ base }) => base.includes(':') === (view.port.family === 'IPv6'));
  if (range === undefined) return [];
  return view
    .deliveries()
    .filter(({ client, masqueraded, endpoint }) => client === 'pod' && !masqueraded && cidrContains(range, endpoint));
}
