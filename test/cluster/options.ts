import { CONTROL_PLANE_VERSION } from './build.ts';
import { CLUSTER_CIDR } from './topology.ts';

export type Backend = 'nft' | 'legacy';

/** What can differ from lab to lab. */
export interface LabOptions {
  /** Version of kube-proxy; that of the control plane is fixed. */
  readonly kubeProxy: string;
  readonly backend: Backend;
  readonly masqueradeAll: boolean;
  /** kube-proxy's --iptables-masquerade-bit: mark 1 << markBit. */
  readonly markBit: number;
  /** kube-proxy's --cluster-cidr; null for none at all. */
  readonly clusterCidr: string | null;
  /** More flags for kube-proxy, each as one word. */
  readonly kubeProxyFlags: readonly string[];
  /** Nodes with containerd and kubelet, real pods, kube-proxy as a DaemonSet, DNS, a scheduler. */
  readonly full: boolean;
  readonly name: string;
}

export const DEFAULT_OPTIONS: LabOptions = {
  kubeProxy: CONTROL_PLANE_VERSION,
  backend: 'nft',
  masqueradeAll: false,
  markBit: 14,
  clusterCidr: CLUSTER_CIDR,
  kubeProxyFlags: [],
  full: false,
  name: 'default',
};

export function completeOptions(given: Partial<LabOptions>): LabOptions {
  const options = { ...DEFAULT_OPTIONS, ...given };
  if (!/^\d+\.\d+\.\d+$/.test(options.kubeProxy))
    throw new Error(`kube-proxy version ${options.kubeProxy} is not like 1.37.2`);
  if (options.backend !== 'nft' && options.backend !== 'legacy') throw new Error('the back end is nft or legacy');
  if (!Number.isInteger(options.markBit) || options.markBit < 0 || options.markBit > 31)
    throw new Error('the mark bit is 0 to 31');
  if (options.full && options.kubeProxyFlags.length > 0)
    throw new Error('kube-proxy of a full lab reads its ConfigMap, and takes no flags');
  // The name becomes part of a folder's name and of a socket's path.
  if (!/^[a-z0-9][a-z0-9-]{0,30}$/.test(options.name))
    throw new Error(`${options.name} is no name for a lab: a-z, 0-9 and -, at most 31`);
  return options;
}

/** A mark that kube-proxy of this lab does not look at. */
export function wrongMark(options: LabOptions): string {
  return `0x${(2 ** (options.markBit === 15 ? 13 : 15)).toString(16)}`;
}

/** Up to 1.20 kube-proxy serves one IP family, unless told otherwise, and reads Endpoints. */
export function isSingleStack({ kubeProxy }: LabOptions): boolean {
  return Number(kubeProxy.split('.')[1]) <= 20;
}
