/** What kube-proxy's `/metrics` tells of its synchronisations. Times are seconds since 1970 by the node's clock. */
export interface ProxyMetrics {
  /** By the label `ip_family`; one entry with an empty name where kube-proxy has no such label (up to 1.32). */
  readonly families: ReadonlyMap<string, FamilyMetrics>;
}

export interface FamilyMetrics {
  /** When a change was last put into the queue; null: never, or not said. */
  readonly lastQueued: number | null;
  /** End of the last synchronisation that succeeded. */
  readonly lastSynced: number | null;
  /** iptables-restore (nft, in nftables mode) refused what kube-proxy wanted to write, since it was started. */
  readonly failures: number;
}

const PREFIX = 'kubeproxy_sync_proxy_rules_';

const QUEUED = `${PREFIX}last_queued_timestamp_seconds`;
const SYNCED = `${PREFIX}last_timestamp_seconds`;

/** Partial ones are counted for themselves: a full one is tried after each of them. */
const FAILURES: ReadonlySet<string> = new Set([
  `${PREFIX}iptables_restore_failures_total`,
  `${PREFIX}nftables_sync_failures_total`,
]);

/** Reads Prometheus' text format; null: nothing of kube-proxy is in it. */
export function parseProxyMetrics(text: string): ProxyMetrics | null {
  const families = new Map<string, FamilyMetrics>();
  for (const [, name = '', labels = '', value = ''] of text.matchAll(SAMPLE)) {
    if (name !== QUEUED && name !== SYNCED && !FAILURES.has(name)) continue;
    const family = /\bip_family="([^"]*)"/.exec(labels)?.[1] ?? '';
    const known = families.get(family) ?? { lastQueued: null, lastSynced: null, failures: 0 };
    families.set(family, withSample(known, name, Number(value)));
  }
  return families.size === 0 ? null : { families };
}

const SAMPLE = /^(kubeproxy_\w+)(\{[^}]*\})? ([-+.\deE]+)/gm;

function withSample(known: FamilyMetrics, name: string, value: number): FamilyMetrics {
  if (!Number.isFinite(value)) return known;
  if (name === QUEUED) return { ...known, lastQueued: value === 0 ? null : value };
  if (name === SYNCED) return { ...known, lastSynced: value === 0 ? null : value };
  return { ...known, failures: known.failures + value };
}

/** Writes that failed since kube-proxy was started, of all families. */
export function failuresIn({ families }: ProxyMetrics): number {
  return [...families.values()].reduce((sum, { failures }) => sum + failures, 0);
}
