import { ofInterfaces, type Sysctls } from '../model/sysctls.ts';
import { defineCheck, judged, type StoppedFlow } from './check.ts';
import type { FamilyView, PortView } from './world.ts';

export default defineCheck({
  id: 'SVC605',
  slug: 'forwarding',
  severity: 'error',
  invariant: null,
  scope: 'node',
  title: 'the node forwards packets',
  docs: {
    why: `kube-proxy only translates addresses. That a packet then gets from a pod to an endpoint, or from outside to a pod, is forwarding, which Linux has switched off unless somebody switches it on. Without it, what the node itself sends still arrives.`,
    causes: [
      `Settings were loaded again (sysctl --system, a configuration tool, an update) from files that do not have it.`,
      `A hardening profile switched it off.`,
      `The network was restarted by a service that sets it for each interface.`,
    ],
    fix: [
      `Switch it on, now and for the next start: a file in /etc/sysctl.d with net.ipv4.ip_forward = 1 (net.ipv6.conf.all.forwarding = 1).`,
      `Find out what switched it off; it will again.`,
    ],
    ignoreWhen: `When the network plugin carries the packets past the kernel's own forwarding.`,
  },
  applies: ({ condition, hasProxyRules }) => condition.sysctls !== null && hasProxyRules,
  judge: (view) => {
    const { sysctls } = view.condition;
    const off = sysctls === null ? null : offBy(sysctls, view);
    if (off === null) return judged([]);
    const setting = view.family === 'IPv4' ? 'net.ipv4.ip_forward' : 'net.ipv6.conf.all.forwarding';
    return judged([
      {
        title: `the node does not forward ${view.family} packets`,
        cause: view.family,
        expected: [`${setting} = 1`],
        proof: [],
        found: off.found,
        confidence: off.isCertain ? 'certain' : 'likely',
        fix: [`sysctl -w ${setting}=1   # on ${view.node}, and in /etc/sysctl.d`],
      },
    ]);
  },
  hits: (view) => stops(view).length > 0,
  stops,
});

/**
 * IPv4 is forwarded by the setting of the interface a packet comes in by; `all` (which is ip_forward) is only what was last
 * written to all of them. IPv6 goes by `all`; since Linux 6.17 an interface may be told to forward all the same.
 */
function offBy(
  sysctls: Sysctls,
  { family }: FamilyView,
): { readonly found: string; readonly isCertain: boolean } | null {
  const version = family === 'IPv4' ? 'ipv4' : 'ipv6';
  const general =
    sysctls.get(`net/${version}/conf/all/forwarding`) ??
    (family === 'IPv4' ? sysctls.get('net/ipv4/ip_forward') : undefined);
  if (general !== '0') return null;
  const ofEach = ofInterfaces(sysctls, version, 'forwarding');
  if (family === 'IPv4' && [...ofEach.values()].some((value) => value !== '0')) return null;
  const each = ofEach.size === 0 ? '' : `, and so is that of each of its ${ofEach.size} interfaces`;
  return { found: `net.${version}.conf.all.forwarding is 0${each}`, isCertain: family === 'IPv4' && ofEach.size > 0 };
}

/** What comes in and has to go out again. The node's own packets do not, and an endpoint on the node itself is no way out. */
function stops(view: PortView): readonly StoppedFlow[] {
  return view.deliveries().filter(({ client, staysOnNode }) => client !== 'node' && !staysOnNode);
}
