import { ofInterfaces } from '../model/sysctls.ts';
import { defineCheck, judged } from './check.ts';
import type { FamilyView } from './world.ts';

export default defineCheck({
  id: 'SVC609',
  slug: 'localhost-node-ports',
  severity: 'warning',
  invariant: null,
  scope: 'node',
  title: 'node ports work at 127.0.0.1, where kube-proxy is to serve them there',
  docs: {
    why: `With iptables.localhostNodePorts (the default) kube-proxy sets net.ipv4.conf.all.route_localnet to 1 at its start, so that programs on the node reach node ports at 127.0.0.1; registries and probes count on it. When it is 0 the kernel drops such packets on their way out.`,
    causes: [`A hardening profile, or settings loaded again, set it back to 0 after kube-proxy had started.`],
    fix: [
      `Decide: have kube-proxy set it again by a restart, or tell it not to serve node ports there (iptables.localhostNodePorts: false, or nodePortAddresses).`,
    ],
    ignoreWhen: `When nothing on your nodes connects to node ports at 127.0.0.1.`,
  },
  applies: (view) => view.family === 'IPv4' && view.hasProxyRules && view.condition.sysctls !== null,
  judge: (view) => {
    if (!servesLocalhost(view) || !isOff(view)) return judged([]);
    return judged([
      {
        title: 'node ports do not work at 127.0.0.1: route_localnet is off',
        cause: 'route_localnet',
        expected: ['net.ipv4.conf.all.route_localnet = 1'],
        proof: [],
        found: 'net.ipv4.conf.all.route_localnet is 0, and so is that of each interface',
        confidence: 'certain',
        felt: {
          words:
            'Connections from the node itself to its node ports at 127.0.0.1 are dropped; those to its other addresses are not.',
          now: false,
        },
      },
    ]);
  },
  hits: ({ port }) => port.nodePort !== 0,
});

/** Only where kube-proxy's configuration says so, by a word or by its default. */
function servesLocalhost({ settings }: FamilyView): boolean {
  const { localhostNodePorts, nodePortAddresses } = settings;
  if (localhostNodePorts.origin !== 'configured' || nodePortAddresses.origin !== 'configured') return false;
  return localhostNodePorts.value === true && nodePortAddresses.value?.mode === 'all';
}

/** The one of all counts beside that of the interface a packet leaves by. */
function isOff({ condition: { sysctls } }: FamilyView): boolean {
  if (sysctls?.get('net/ipv4/conf/all/route_localnet') !== '0') return false;
  const each = [...ofInterfaces(sysctls, 'ipv4', 'route_localnet').values()];
  return each.length > 0 && each.every((value) => value === '0');
}
