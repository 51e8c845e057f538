/** What can go wrong where connections to a Service enter its chains. */
import type { Break } from './breaks.ts';
import { clusterIpEntry, jumps, leadingTo, nodePortEntries, target } from './chains.ts';
import { HOSTNAMES, NO_SERVICE_IP, OTHER } from './topology.ts';

const { clusterIp, nodePort, port } = HOSTNAMES;

function toPort(ip: string, comment: string): string[] {
  return ['-d', `${ip}/32`, '-p', 'tcp', '-m', 'comment', '--comment', comment, '-m', 'tcp', '--dport', String(port)];
}

export const entryBreaks: readonly Break[] = [
  {
    name: 'entry-clusterip-missing',
    description: `KUBE-SERVICES has no rule for ${clusterIp}:${port}`,
    apply: async ({ rules }) => rules.remove(await clusterIpEntry(rules)),
  },
  {
    name: 'entry-nodeport-missing',
    description: `KUBE-NODEPORTS has no rule for node port ${nodePort}`,
    apply: async ({ rules }) => rules.removeAll(await nodePortEntries(rules)),
  },
  {
    name: 'entry-foreign-chain',
    description: `the rule for ${clusterIp}:${port} leads to the chain of the Service ${OTHER.name}`,
    apply: async ({ rules }) => {
      const foreign = target(await clusterIpEntry(rules, OTHER));
      const entry = await clusterIpEntry(rules);
      await rules.replace(entry, leadingTo(entry, foreign));
    },
  },
  {
    name: 'stale-vip',
    description: `a rule for ${NO_SERVICE_IP}:${port}, the address of no Service, leads to the Service's chain`,
    apply: async ({ rules }) => {
      const chain = target(await clusterIpEntry(rules));
      await rules.insert('nat', 'KUBE-SERVICES', 1, [
        ...toPort(NO_SERVICE_IP, 'default/gone:http cluster IP'),
        '-j',
        chain,
      ]);
    },
  },
  {
    name: 'jump-services-missing',
    description: 'PREROUTING and OUTPUT of nat do not lead to KUBE-SERVICES: no Service works through this node',
    apply: async ({ rules }) => rules.removeAll(await jumps(rules, ['PREROUTING', 'OUTPUT'], 'KUBE-SERVICES')),
  },
  {
    name: 'reject-left',
    description: `filter KUBE-SERVICES still rejects ${clusterIp}:${port}, as for a Service without endpoints`,
    apply: async ({ rules }) => {
      const refuse = ['-j', 'REJECT', '--reject-with', 'icmp-port-unreachable'];
      await rules.insert('filter', 'KUBE-SERVICES', 1, [
        ...toPort(clusterIp, 'default/hostnames:http has no endpoints'),
        ...refuse,
      ]);
    },
  },
];
