import type { Ruleset } from '../netfilter/rules.ts';

/** Who may serve Services in place of kube-proxy, and what it leaves on nodes. */
interface Owner {
  readonly name: string;
  /** Prefixes of annotations it puts on Node objects. */
  readonly annotations: readonly string[];
  /** Prefixes of its iptables chains. */
  readonly chains: readonly string[];
  /** What shows its own list of Services. */
  readonly tool: string;
}

/** Each of them can also run beside kube-proxy: they own Services only where kube-proxy has no rules. */
const OWNERS: readonly Owner[] = [
  {
    name: 'Cilium (kube-proxy replacement)',
    annotations: ['network.cilium.io/', 'io.cilium.'],
    chains: ['CILIUM_'],
    tool: 'kubectl -n kube-system exec ds/cilium -- cilium-dbg service list',
  },
  {
    name: 'OVN-Kubernetes',
    annotations: ['k8s.ovn.org/'],
    chains: ['OVN-KUBE-'],
    tool: 'ovn-nbctl lb-list, in the ovnkube-node pod of the node',
  },
  {
    name: 'Antrea (proxyAll)',
    annotations: ['node.antrea.io/'],
    chains: ['ANTREA-'],
    tool: 'antctl get serviceexternalip, and ovs-ofctl dump-groups br-int, in the antrea-agent pod of the node',
  },
  {
    name: 'kube-router (service proxy)',
    annotations: ['kube-router.io/'],
    chains: ['KUBE-ROUTER-'],
    tool: 'ipvsadm -Ln, on the node',
  },
  {
    name: 'Calico (eBPF data plane)',
    annotations: ['projectcalico.org/'],
    chains: ['cali-'],
    tool: 'calico-node -bpf nat dump, in the calico-node pod of the node',
  },
];

/** Somebody who seems to serve Services, and by which signs. */
export interface FoundOwner {
  readonly name: string;
  /** `annotation network.cilium.io/… of the node`, `chains CILIUM_… in its rules`. */
  readonly signs: string;
  readonly tool: string;
}

/** Asked only where there is no rule of kube-proxy. The first of the list wins: Calico is also a neighbour of the others. */
export function ownerOfServices(annotations: readonly string[], rulesets: readonly Ruleset[]): FoundOwner | null {
  const chains = rulesets.flatMap((ruleset) =>
    [...ruleset.tables.values()].flatMap((table) => [...table.chains.keys()]),
  );
  for (const owner of OWNERS) {
    const annotation = owner.annotations.find((prefix) => annotations.some((name) => name.startsWith(prefix)));
    const chain = owner.chains.find((prefix) => chains.some((name) => name.startsWith(prefix)));
    if (annotation === undefined && chain === undefined) continue;
    const signs = [
      ...(annotation === undefined ? [] : [`annotation ${annotation}… of the node`]),
      ...(chain === undefined ? [] : [`chains ${chain}… in its rules`]),
    ];
    return { name: owner.name, signs: signs.join(', '), tool: owner.tool };
  }
  return null;
}
