import type { OwnBackend } from './iptables-version.ts';
import type { ProxyHealth } from './proxy-health.ts';
import type { ProxyLog } from './proxy-log.ts';
import type { ProxyMetrics } from './proxy-metrics.ts';
import type { ProxyPod } from './proxy-pod.ts';
import type { Sysctls } from './sysctls.ts';

/** What is known of a node beside its rules. null: not looked at. */
export interface NodeCondition {
  readonly sysctls: Sysctls | null;
  /** Back end of the plain `iptables` of the node itself; not of a pod's image. */
  readonly ownBackend: OwnBackend | null;
  /** Network interfaces; null: not looked at. */
  readonly links: readonly Link[] | null;
  readonly proxy: ProxyCondition;
}

/** How a node's kube-proxy fares. */
export interface ProxyCondition {
  /** Its pods on this node; null: nobody knows, or kube-proxy does not run in pods. */
  readonly pods: readonly ProxyPod[] | null;
  readonly health: ProxyHealth | null;
  readonly metrics: ProxyMetrics | null;
  readonly log: ProxyLog | null;
  /** When the node was read, seconds since 1970 by the reader's clock; null: not known. */
  readonly readAt: number | null;
}

/** A network interface of a node. */
export interface Link {
  readonly name: string;
  /** The bridge it is a port of; null: none. */
  readonly master: string | null;
  readonly addresses: readonly string[];
}
