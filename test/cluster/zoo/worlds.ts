/** The clusters the zoo is shown in: versions, back ends and settings of kube-proxy, and neighbours in the rules. */
import type { LabOptions } from '../options.ts';

export interface World {
  /** Also the name of its recording. */
  readonly name: string;
  readonly options: Partial<LabOptions>;
  /** Recordings of other programs' rules (test/fixtures/saves) that are loaded beside kube-proxy's. */
  readonly neighbours?: readonly string[];
  /** More than a thousand endpoints. */
  readonly crowded?: boolean;
}

const NEIGHBOURS = ['flannel', 'calico', 'docker', 'ip-masq-agent', 'node-local-dns', 'portmap', 'kubelet'] as const;

export const WORLDS: readonly World[] = [
  world('1.37.2', 'nft', ''),
  world('1.37.2', 'legacy', 'masquerade-all-mark-15', { masqueradeAll: true, markBit: 15 }),
  { ...world('1.37.2', 'nft', 'crowd'), crowded: true },
  { ...world('1.37.2', 'nft', 'neighbours'), neighbours: NEIGHBOURS },
  world('1.37.2', 'nft', 'no-detection', { clusterCidr: null, kubeProxyFlags: ['--nodeport-addresses=primary'] }),
  world('1.33.13', 'nft', 'node-cidr', { kubeProxyFlags: ['--detect-local-mode=NodeCIDR'] }),
  world('1.33.13', 'legacy', 'interface-prefix', {
    kubeProxyFlags: ['--detect-local-mode=InterfaceNamePrefix', '--pod-interface-name-prefix=veth'],
  }),
  world('1.28.15', 'legacy', 'bridge', {
    kubeProxyFlags: ['--detect-local-mode=BridgeInterface', '--pod-bridge-interface=cni0'],
  }),
  world('1.28.15', 'nft', 'node-port-addresses', {
    kubeProxyFlags: ['--nodeport-addresses=172.31.0.0/24,fd00:172:31::/64', '--iptables-localhost-nodeports=false'],
  }),
  { ...world('1.28.15', 'nft', 'crowd'), crowded: true },
  world('1.24.17', 'nft', ''),
  world('1.24.17', 'legacy', 'node-port-addresses', {
    kubeProxyFlags: ['--nodeport-addresses=172.31.0.0/24,fd00:172:31::/64'],
  }),
  world('1.22.17', 'legacy', ''),
  world('1.22.17', 'nft', 'masquerade-all-no-detection', { masqueradeAll: true, clusterCidr: null }),
  world('1.20.15', 'legacy', ''),
];

function world(kubeProxy: string, backend: 'nft' | 'legacy', suffix: string, more: Partial<LabOptions> = {}): World {
  const minor = kubeProxy.split('.').slice(0, 2).join('.');
  const name = [minor, backend, ...(suffix === '' ? [] : [suffix])].join('-');
  return { name, options: { kubeProxy, backend, ...more } };
}
