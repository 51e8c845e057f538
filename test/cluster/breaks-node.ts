/** What can go wrong with a node as a whole. */
import type { Break } from './breaks.ts';
import { endpointRules } from './chains.ts';
import { HOSTNAMES_PODS } from './topology.ts';

const [, second] = HOSTNAMES_PODS;

export const nodeBreaks: readonly Break[] = [
  {
    name: 'kube-proxy-dead',
    description: 'kube-proxy is killed; then an endpoint moves to another address, which this node never hears of',
    apply: async ({ machine, cluster, rules, onHeal }) => {
      onHeal(() => cluster.moveEndpointBack());
      await machine.kubeProxy.stop();
      rules.did.push(
        'kill -KILL kube-proxy',
        'kubectl delete pod hostnames-1; its successor hostnames-3 has another address',
      );
      await cluster.moveEndpoint(machine.plan.name);
    },
  },
  {
    name: 'node-without-rules',
    description: 'kube-proxy is killed, and all its chains of both families are flushed and deleted',
    apply: async ({ machine, rules }) => {
      await machine.kubeProxy.stop();
      rules.did.push('kill -KILL kube-proxy');
      await rules.removeKubeChains('iptables');
      await rules.removeKubeChains('ip6tables');
    },
  },
  {
    name: 'kube-proxy-refused',
    description: `a rule of somebody else's leads into the chain of ${second.ip}; then that endpoint moves, and kube-proxy can neither delete the chain nor write anything else`,
    apply: async ({ machine, cluster, rules, onHeal }) => {
      const { chain } = (await endpointRules(rules, 1)).dnat;
      const spec = ['-s', '192.0.2.1/32', '-j', chain];
      onHeal(async () => {
        await rules.iptables('-t', 'nat', '-D', 'PREROUTING', ...spec);
        await cluster.moveEndpointBack();
      });
      await rules.iptables('-t', 'nat', '-A', 'PREROUTING', ...spec);
      rules.did.push('kubectl delete pod hostnames-1; its successor hostnames-3 has another address');
      await cluster.moveEndpoint(machine.plan.name);
    },
  },
  {
    name: 'forwarding-off',
    description: 'the kernel forwards no IPv4 packets: only what the node itself sends goes out',
    apply: async ({ machine, rules, onHeal }) => {
      onHeal(() => machine.sysctl('net/ipv4/ip_forward', '1'));
      await machine.sysctl('net/ipv4/ip_forward', '0');
      rules.did.push('sysctl -w net.ipv4.ip_forward=0');
    },
  },
  {
    name: 'sshd-down',
    description: 'the node cannot be logged in to; its rules are fine',
    apply: async ({ machine, rules }) => {
      await machine.stopSshd();
      rules.did.push('kill -KILL sshd');
    },
  },
];
