import type { Family, Protocol } from './address.ts';
import type { NodeFailureReason, Via } from './snapshot.ts';

/**
 * The result of an analysis, as `-o json` prints it. A report needs no parser and no snapshot to be read; fields are
 * only ever added. All lists are sorted, so that equal evidence gives equal bytes.
 */

export const INVARIANTS = ['I1', 'I2', 'I3', 'I4'] as const;

/** The four invariants of an iptables-mode Service: entry rules, endpoint chains, balancing rules, SNAT. */
export type Invariant = (typeof INVARIANTS)[number];

/** `undetermined`: could not look. `not-applicable`: does not apply. Neither is `ok`. */
export type State = 'ok' | 'failed' | 'undetermined' | 'not-applicable';

export type Severity = 'error' | 'warning' | 'info';

/** `certain`: proven from raw text. `likely`: one inferred setting in between. `hint`: worth a look. */
export type Confidence = 'certain' | 'likely' | 'hint';

export type Outcome = 'healthy' | 'findings' | 'incomplete';

export interface Report {
  readonly apiVersion: 'svcdoctor/v1';
  readonly kind: 'Report';
  readonly metadata: ReportMetadata;
  readonly verdict: Verdict;
  readonly coverage: Coverage;
  readonly services: readonly ServiceSummary[];
  readonly servicePorts: readonly ServicePortResult[];
  readonly findings: readonly Finding[];
  readonly notes: readonly Note[];
}

export interface ReportMetadata {
  readonly toolVersion: string;
  /** RFC 3339; absent for evidence gathered by hand. */
  readonly startedAt?: string;
  readonly finishedAt?: string;
  /** Where the evidence came from: `live cluster`, or `files` without a snapshot.json. */
  readonly source: string;
  /** Context of the kubeconfig. */
  readonly context?: string;
  /** URL of the API server, without credentials. */
  readonly server?: string;
  readonly serverVersion?: string;
}

export interface Verdict {
  readonly outcome: Outcome;
  readonly exitCode: number;
  readonly errors: number;
  readonly warnings: number;
  readonly infos: number;
  /** One sentence: the answer. */
  readonly summary: string;
}

export interface Coverage {
  readonly nodes: readonly NodeCoverage[];
  /** Absent: DNS was not looked at. */
  readonly dns?: DnsCoverage;
  /** Parts of the cluster that could not be read, and why. */
  readonly missing: readonly { readonly part: string; readonly reason: string }[];
  /** Objects that changed between the two readings of the API, before and after the nodes; absent = not known. */
  readonly changed?: readonly { readonly kind: string; readonly namespace: string; readonly name: string }[];
}

/** What was asked of the cluster DNS. */
export interface DnsCoverage {
  /** `namespace/name` of the pods. */
  readonly servers: readonly string[];
  readonly zone?: string;
  /** Services nobody asked about, since there were too many. */
  readonly unasked?: number;
  /** Why nobody was asked. */
  readonly reason?: string;
}

export interface NodeCoverage {
  readonly name: string;
  readonly read: boolean;
  readonly via?: Via;
  /** What did the reading, e.g. `ssh2`. */
  readonly client?: string;
  /** Ways that were tried before `via` and did not lead to the node, in order; absent: none. */
  readonly attempts?: readonly AttemptView[];
  /** Milliseconds. */
  readonly durationMs?: number;
  /** `iptables`, `nftables`, `ipvs`, `none`; absent = unknown. */
  readonly mode?: string;
  readonly backend?: string;
  /** `1.37.2`; a range, `1.31 to 1.37`, when only its rules tell. */
  readonly kubeProxyVersion?: string;
  readonly settings?: readonly SettingView[];
  /** Who serves Services on the node in place of kube-proxy. */
  readonly owner?: string;
  /** Why the node was not read, or not judged. */
  readonly reason?: string;
  readonly reasonCode?: NodeFailureReason;
  readonly tryThis?: string;
}

export interface AttemptView {
  readonly via: Via;
  readonly reason: string;
  readonly reasonCode: NodeFailureReason;
  readonly tryThis: string;
}

export interface SettingView {
  readonly name: string;
  readonly family: Family;
  readonly value: string;
  readonly origin: 'configured' | 'inferred' | 'assumed';
  readonly from: string;
}

/** One Service that was asked about, also those without rules of their own. */
export interface ServiceSummary {
  readonly namespace: string;
  readonly name: string;
  readonly type: string;
  /** Why kube-proxy makes no rules for it (headless, ExternalName, another proxy); absent when it does. */
  readonly withoutRules?: string;
  readonly state: State;
  /** Whether the cluster DNS answers its name as it should; absent: nobody asked. */
  readonly dns?: State;
}

export interface ServicePortResult {
  readonly id: string;
  readonly namespace: string;
  readonly service: string;
  readonly port: number;
  readonly protocol: Protocol;
  readonly nodePort?: number;
  readonly families: readonly Family[];
  /** VIPs with port: `10.111.231.44:80`. */
  readonly addresses: readonly string[];
  /** Endpoints that are used somewhere, of all families. */
  readonly endpoints: readonly string[];
  readonly invariants: Readonly<Record<Invariant, InvariantResult>>;
}

export interface InvariantResult {
  readonly state: State;
  readonly nodes: readonly { readonly name: string; readonly state: State; readonly because?: string }[];
}

export interface Finding {
  /** Stable within a report: code and a number. */
  readonly id: string;
  readonly code: string;
  readonly severity: Severity;
  readonly confidence: Confidence;
  readonly invariant?: Invariant;
  readonly title: string;
  /** What users of the Service experience, from the walk; absent when nothing changes for packets. */
  readonly impact?: string;
  readonly nodes: readonly string[];
  /** `namespace/name` of the Services it concerns. */
  readonly services: readonly string[];
  /** Empty when it concerns a Service that has no rules, for example a headless one. */
  readonly servicePorts: readonly string[];
  /** Rules as iptables-save prints them, or a fact in words. */
  readonly expected: readonly string[];
  readonly actual: readonly Evidence[];
  /** What stands in place of proof when there is no rule to show. */
  readonly found?: string;
  readonly fix: readonly string[];
  /** Command that shows the page of the check. */
  readonly explain: string;
  /** The walk behind `impact`, for machines. */
  readonly effects?: readonly Effect[];
}

/** A raw rule as proof. */
export interface Evidence {
  readonly node: string;
  readonly family: Family;
  /** File in the node's folder of the snapshot. */
  readonly source: string;
  readonly table: string;
  readonly chain: string;
  /** 1-based line in that file. */
  readonly line: number;
  readonly text: string;
}

/** What happens to new connections of one kind of client on one node, from the walk through its chains. */
export interface Effect {
  readonly node: string;
  readonly servicePort: string;
  /** `pod`: a pod on this node; `node`: the node itself; `external`: outside the cluster. */
  readonly client: ClientKind;
  /** True: the client is an endpoint that calls its own Service. */
  readonly hairpin?: boolean;
  /** `10.111.231.44:80`. */
  readonly destination: string;
  readonly outcomes: readonly EffectOutcome[];
}

export const CLIENT_KINDS = ['pod', 'node', 'external'] as const;
export type ClientKind = (typeof CLIENT_KINDS)[number];

/**
 * `answered`: reaches an endpoint and the answer finds its way back. `no-answer`: times out. `refused`: an error comes
 * back at once. `elsewhere`: goes to something that is no endpoint of the Service port, where nobody or somebody else may
 * answer. `undetermined`: a rule on the way is not understood.
 */
export type EffectResult = 'answered' | 'no-answer' | 'refused' | 'elsewhere' | 'undetermined';

export interface EffectOutcome {
  /** Lists of `-m recent` that now have the client: how session affinity finds its endpoint again. */
  readonly remembered?: readonly string[];
  /** 0 to 1. */
  readonly share: number;
  readonly result: EffectResult;
  /** `10.168.1.12:9376`, absent when nothing was translated. */
  readonly endpoint?: string;
  /** True: the endpoint sees the node's address, not the client's. */
  readonly masqueraded: boolean;
  /** Why it fails or is not known. */
  readonly because?: string;
}

/** Something that was not understood, or was set aside. */
export interface Note {
  /** File, e.g. `nodes/rain-kubernetes-1/iptables-nft-save`. */
  readonly source: string;
  readonly line?: number;
  readonly text: string;
  /** What follows from it. */
  readonly consequence: string;
}
