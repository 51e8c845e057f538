/** What others than kube-proxy do to its connections. */
import type { Break } from './breaks.ts';
import { HOSTNAMES_PODS } from './topology.ts';

const [, second] = HOSTNAMES_PODS;

export const foreignBreaks: readonly Break[] = [
  {
    name: 'foreign-drop',
    description: `a firewall's rule in FORWARD drops what goes to the second endpoint, ${second.ip}:${second.port}`,
    apply: async ({ rules, onHeal }) => {
      const spec = ['-d', `${second.ip}/32`, '-p', 'tcp', '-m', 'tcp', '--dport', String(second.port), '-j', 'DROP'];
      onHeal(() => rules.iptables('-t', 'filter', '-D', 'FORWARD', ...spec));
      await rules.insert('filter', 'FORWARD', 1, spec);
    },
  },
  {
    name: 'forward-policy-drop',
    description: 'the policy of FORWARD is DROP, as Docker leaves it: only marked connections are forwarded',
    apply: async ({ rules, onHeal }) => {
      onHeal(() => rules.iptables('-t', 'filter', '-P', 'FORWARD', 'ACCEPT'));
      await rules.iptables('-t', 'filter', '-P', 'FORWARD', 'DROP');
    },
  },
];
