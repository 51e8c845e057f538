import type { Cidr, Family, Ip } from '../model/address.ts';
import type { Endpoint, ServicePort } from '../model/service.ts';
import type { ChainName, Rule, TableName } from '../netfilter/rules.ts';

/** What kube-proxy should have written, in types. Made by `expect-*.ts`, judged by `compare.ts`. */

/** A kube-proxy version as far as rules tell versions apart; see `version.ts`. */
export interface ProxyVersion {
  readonly major: number;
  readonly minor: number;
  /** null when only the minor version is known. */
  readonly patch: number | null;
}

/** The versions a kube-proxy can be, both ends included. A null patch at an end stands for every patch of that minor. */
export interface VersionRange {
  readonly min: ProxyVersion;
  readonly max: ProxyVersion;
}

/** Where a setting came from: the cluster's own configuration, the rules on the nodes, or the default of the version. */
export interface Setting<T> {
  readonly value: T;
  readonly origin: 'configured' | 'inferred' | 'assumed';
  /** For the report, e.g. `ConfigMap kube-system/kube-proxy`, `42 rules on 3 nodes`. */
  readonly from: string;
}

/** How kube-proxy tells traffic of this node's pods from other traffic, in one family. */
export type LocalDetection =
  | { readonly mode: 'none' }
  | { readonly mode: 'source'; readonly cidr: Cidr }
  /** Interface name as iptables prints it, `prefix+` for a prefix. */
  | { readonly mode: 'interface'; readonly name: string };

export type NodePortAddresses =
  | { readonly mode: 'all' }
  /** Only these addresses of the node. */
  | { readonly mode: 'restricted'; readonly addresses: readonly Ip[] };

/** Rule generations of kube-proxy that differ in chains, not in details. */
export const ERAS = ['1.20', '1.21', '1.22', '1.24', '1.25'] as const;

/** First minor version of a rule generation: `1.20` is everything up to 1.20, `1.25` is 1.25 to 1.37. */
export type Era = (typeof ERAS)[number];

/** Settings of the kube-proxy of one node, for one family. */
export interface ProxySettings {
  readonly family: Family;
  readonly era: Setting<Era>;
  /** null: rules and cluster do not tell. Whatever depends on it is then accepted either way. */
  readonly version: Setting<ProxyVersion | null>;
  /** What the version can be, narrower than the era says; absent: the version, or all versions of the era. */
  readonly versionRange?: VersionRange;
  /** Masquerade mark M, e.g. 0x4000. */
  readonly mark: Setting<number>;
  readonly masqueradeAll: Setting<boolean>;
  /** null: not known; the rules that depend on it are then accepted in any form. */
  readonly localDetection: Setting<LocalDetection | null>;
  /** Forms that were seen when {@link localDetection} is null: a rule in one of them is accepted. */
  readonly localDetectionSeen?: readonly LocalDetection[];
  readonly nodePortAddresses: Setting<NodePortAddresses | null>;
  readonly localhostNodePorts: Setting<boolean | null>;
  /** kube-proxy's name of its node (lower-case): decides which endpoints are local. */
  readonly nodeName: string;
  /** Topology zone of the node, null without the label. */
  readonly zone: string | null;
  /** Addresses kube-proxy may take for the node's own in this family (source-range test). */
  readonly nodeIPs: readonly Ip[];
  /**
   * Set when this node has no rules of kube-proxy in this family. `nodes`: the settings are those of the other nodes;
   * `family`: no node has rules in this family, and the settings are those of the other family.
   */
  readonly borrowed?: 'nodes' | 'family';
}

/** What a rule is for. Checks select differences by role, never by chain name or comment. */
export const RULE_ROLES = [
  'cluster-ip-entry',
  'external-ip-entry',
  'load-balancer-entry',
  'node-port-entry',
  'node-port-localhost-entry',
  'cluster-ip-blocked',
  'external-ip-blocked',
  'load-balancer-blocked',
  'node-port-blocked',
  'firewall-drop',
  'health-check-accept',
  'entry-mark',
  'cluster-ip-mark',
  'external-mark',
  'external-pod-traffic',
  'external-local-mark',
  'external-local-route',
  'external-to-policy-chain',
  'firewall-allow',
  'firewall-end',
  'affinity',
  'balance',
  'no-local-endpoints',
  'hairpin-mark',
  'dnat',
  'services-jump',
  'node-ports-jump',
  'postrouting-jump',
  'filter-jump',
  'mark-masquerade',
  'postrouting-return',
  'postrouting-clear',
  'postrouting-masquerade',
  'forward-accept',
  'forward-conntrack',
  'forward-invalid',
  'localnet-drop',
  'kubelet-drop',
  'kubelet-mark-drop',
] as const;

export type RuleRole = (typeof RULE_ROLES)[number];

/** Kind of a chain that belongs to one Service port (`sep`: to one endpoint of it), or to the node. */
export type ChainRole = 'svc' | 'svl' | 'ext' | 'xlb' | 'fw' | 'sep' | 'shared';

export interface ExpectedRule {
  readonly role: RuleRole;
  readonly table: TableName;
  /** Made, not read: `line` 0, `raw` empty; `rule.chain` says where. */
  readonly rule: Rule;
  /** Other forms that are exactly as good (with or without nfacct, `--random-fully`, …). */
  readonly alternatives: readonly Rule[];
  /** `accepted`: may be there or not; `required`: its absence is a difference. */
  readonly presence: 'required' | 'accepted';
  /** The endpoint an `affinity`, `balance`, `hairpin-mark` or `dnat` rule is for. */
  readonly endpoint: Endpoint | null;
  /** The address an entry or blocking rule is for; null for node ports and others. */
  readonly address: Ip | null;
}

/** A chain whose rules are compared as an ordered list. */
export interface ExpectedChain {
  readonly table: TableName;
  readonly name: ChainName;
  readonly role: ChainRole;
  readonly rules: readonly ExpectedRule[];
  /** The endpoint of a `sep` chain. */
  readonly endpoint: Endpoint | null;
}

/** The endpoints a node uses for one Service port. */
export interface UsableEndpoints {
  /** In kube-proxy's order (byte order of `ip:port`); empty when the cluster list is not used at all. */
  readonly cluster: readonly Endpoint[];
  readonly local: readonly Endpoint[];
  /** Union of both, in order, each `ip:port` once: these have SEP chains. */
  readonly reachable: readonly Endpoint[];
  /** False: kube-proxy writes REJECT "has no endpoints". */
  readonly hasEndpoints: boolean;
  readonly usesCluster: boolean;
  readonly usesLocal: boolean;
}

export interface ExpectedServicePort {
  readonly port: ServicePort;
  readonly endpoints: UsableEndpoints;
  /** Rules in chains that are shared with other Services, compared as sets. */
  readonly entries: readonly ExpectedRule[];
  /** The port's own chains; SEP chains last, in endpoint order. */
  readonly chains: readonly ExpectedChain[];
  /**
   * Names of chains that belong to this port by hash in any era (SVC, SVL, EXT, XLB, FW), existing or not: a rule in
   * a shared chain that leads to one of them is about this port.
   */
  readonly ownChains: ReadonlySet<ChainName>;
}

/** What does not depend on any Service. */
export interface ExpectedNode {
  /** Jumps in built-in chains: presence counts, position does not. */
  readonly jumps: readonly ExpectedRule[];
  /** KUBE-MARK-MASQ, KUBE-POSTROUTING (nat), KUBE-FORWARD, KUBE-FIREWALL (filter): ordered lists. */
  readonly chains: readonly ExpectedChain[];
  /** The last rule or rules of nat KUBE-SERVICES. */
  readonly nodePortsJumps: readonly ExpectedRule[];
}
