/**
 * The seam between looking and thinking: everything raw, as received. A live run holds one in memory, `collect` writes
 * it as a folder or .tar.gz, `check --from` reads it back. Analysing either gives the same bytes, so nothing that is
 * not in here may reach a report.
 */
export interface Snapshot {
  /** `snapshot.json`; null for a folder made by hand. */
  readonly manifest: SnapshotManifest | null;
  /** Parsed JSON of `cluster/NAME.json`, by NAME without the extension. What is absent was not looked at. */
  readonly cluster: ReadonlyMap<ClusterFile, unknown>;
  /** Sorted by name. A node that could not be read has a manifest entry and perhaps no file at all. */
  readonly nodes: readonly NodeEvidence[];
}

/** Kinds of objects kube-proxy makes rules of. Endpoints count where there are no slices. */
export const RULE_SOURCES = ['services', 'endpointslices', 'endpoints'] as const;

export type RuleSource = (typeof RULE_SOURCES)[number];

export const CLUSTER_FILES = [
  'version',
  'services',
  'endpointslices',
  'endpoints',
  'nodes',
  'pods',
  'namespaces',
  'networkpolicies',
  'events',
  'kube-proxy',
  'dns',
] as const;

/** Base name of a file in `cluster/`. */
export type ClusterFile = (typeof CLUSTER_FILES)[number];

/** The saves a node may have, in the order they are looked at. Plain names are for an unknown back end. */
export const SAVE_FILES = [
  'iptables-nft-save',
  'iptables-legacy-save',
  'iptables-save',
  'ip6tables-nft-save',
  'ip6tables-legacy-save',
  'ip6tables-save',
] as const;

export type SaveFile = (typeof SAVE_FILES)[number];

/** Other files a node may have; what no check needs yet is kept all the same. */
export const NODE_FILES = [
  ...SAVE_FILES,
  'nft.json',
  'nft-ip.json',
  'nft-ip6.json',
  'iptables-version',
  'ip_vs',
  'ip_vs_conn',
  'ipset-save',
  'ip-addr.json',
  'sysctl',
  'kube-proxy-healthz.txt',
  'kube-proxy-metrics.txt',
  'kube-proxy-configz.txt',
  'kube-proxy-proxyMode.txt',
  'kube-proxy-log.txt',
] as const;

export type NodeFile = (typeof NODE_FILES)[number];

export interface NodeEvidence {
  readonly name: string;
  /** Raw text by file name. */
  readonly files: ReadonlyMap<NodeFile, string>;
}

/** How a node may be read. `files`: somebody put its files there. */
export const WAYS = ['ssh', 'kube-proxy', 'debug-pod', 'files'] as const;

export type Via = (typeof WAYS)[number];

/** Why a node could not be read. Each has one thing to try, see `collect/failure.ts`. */
export const NODE_FAILURES = [
  'no-address',
  'unreachable',
  'refused',
  'timeout',
  'host-key-unknown',
  'host-key-changed',
  'authentication',
  'no-sudo',
  'no-iptables-save',
  'command-failed',
  'truncated',
  'connection-lost',
  'cancelled',
  'unsupported-system',
  'configuration',
  'internal',
  /** Ways through the cluster: no kube-proxy pod runs there, or the node's kube-proxy is no pod at all. */
  'no-kube-proxy-pod',
  /** The API server does not let this user do it. */
  'forbidden',
  /** Pod Security, a webhook, a quota or a limit does not let the pod be. */
  'admission-denied',
  'image-pull',
  /** The kubelet does not take the pod, or the node is not there to take it. */
  'unschedulable',
  /** The pod did not get ready. */
  'pod-not-ready',
  /** The pod ended, or was taken away, while it was needed. */
  'pod-ended',
  /** A pod would have to be created, and nobody said yes. */
  'not-confirmed',
] as const;

export type NodeFailureReason = (typeof NODE_FAILURES)[number];

export interface NodeFailure {
  readonly reason: NodeFailureReason;
  /** What happened, in one line, with the cause's own words. */
  readonly message: string;
  /** The one thing to try, a command where there is one. */
  readonly tryThis: string;
}

/** One command that was run on a node. */
export interface CommandRecord {
  readonly argv: readonly string[];
  /** Exit code; null when none was delivered. */
  readonly code: number | null;
  /** At most 2,000 characters. */
  readonly stderr: string;
  /** File in the node's folder that holds stdout, if it was kept. */
  readonly file: NodeFile | null;
  readonly durationMs: number;
}

/** A way to a node that was tried, and did not lead there. */
export interface Attempt {
  readonly via: Via;
  readonly failure: NodeFailure;
}

export interface NodeManifest {
  readonly name: string;
  readonly via: Via;
  /** What did the reading, in words for the report, e.g. `ssh2` or `system ssh (ProxyCommand)`. */
  readonly client: string;
  /** RFC 3339, UTC. */
  readonly startedAt: string;
  readonly finishedAt: string;
  readonly failure: NodeFailure | null;
  /** Ways tried before `via`, in order; absent: none. */
  readonly attempts?: readonly Attempt[];
  readonly commands: readonly CommandRecord[];
}

/** What was asked of the API: a Service outside the scope was not looked at. */
export interface SnapshotScope {
  /** null: all namespaces. */
  readonly namespace: string | null;
  /** `namespace/name` of the Services that were read; null: all of the namespace(s). */
  readonly services: readonly string[] | null;
  readonly selector: string | null;
}

/** One answer of the API server, or why there was none. */
export interface ClusterPart {
  readonly file: ClusterFile;
  readonly readAt: string;
  readonly resourceVersion: string | null;
  /** Set when the part could not be read: kubectl's words, with verb and resource. */
  readonly error: string | null;
}

/** An object that rules are made of, and that changed between the two readings of the API. */
export interface ObjectChange {
  readonly file: RuleSource;
  readonly namespace: string;
  readonly name: string;
  /** `namespace/name` of the Service it belongs to. */
  readonly service: string;
  /** `resourceVersion` before the nodes were read; null: there was no such object. */
  readonly before: string | null;
  /** `resourceVersion` after they were read; null: it was gone. */
  readonly after: string | null;
}

/**
 * API and nodes cannot be read at one moment: after the nodes the API was asked again which versions its objects have. A
 * difference between rules and an object that changed meanwhile may be a change on its way.
 */
export interface SecondReading {
  /** RFC 3339, UTC. */
  readonly readAt: string;
  /** Why it could not be read; null: it was. */
  readonly error: string | null;
  readonly changed: readonly ObjectChange[];
  /** When objects of a Service were written last, where that was less than a minute before; the newest of each Service. */
  readonly recent: readonly RecentChange[];
}

/** By `metadata.managedFields`, in the API server's time: whole seconds, RFC 3339. A deletion leaves no trace. */
export interface RecentChange {
  /** `namespace/name` */
  readonly service: string;
  readonly at: string;
}

/** `snapshot.json`. */
export interface SnapshotManifest {
  readonly formatVersion: 1;
  readonly tool: string;
  readonly toolVersion: string;
  readonly startedAt: string;
  readonly finishedAt: string;
  /** Context name of the kubeconfig, null in a cluster's own pod. */
  readonly context: string | null;
  /** URL of the API server, without credentials. */
  readonly server: string | null;
  readonly scope: SnapshotScope;
  readonly parts: readonly ClusterPart[];
  /** Absent: the API was read once only. */
  readonly again?: SecondReading;
  readonly nodes: readonly NodeManifest[];
}

/** The format this program writes; a snapshot with a higher number is refused. */
export const SNAPSHOT_FORMAT = 1;
