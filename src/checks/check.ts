import type { CheckHeader } from '../model/check-header.ts';
import type { Confidence, Invariant } from '../model/report.ts';
import type { Rule, TableName } from '../netfilter/rules.ts';
import type { FamilyView, PortView, ServiceView } from './world.ts';

/** A rule of a node as proof. */
export interface RuleProof {
  readonly table: TableName;
  readonly rule: Rule;
  /** The save it stands in; absent: the one that is judged. */
  readonly source?: string;
}

/** Of one kind of connection, how many are stopped. */
export interface StoppedFlow {
  /** e.g. `from its pods to 10.111.231.44:80`. */
  readonly flow: string;
  /** 0 to 1. */
  readonly share: number;
}

/** One thing that is wrong, as values; grouping, impact and looks come later. */
export interface Fault {
  /** What is wrong, in one line, without the node. */
  readonly title: string;
  /**
   * Faults with the same check, Service port and cause on several nodes are one finding. Holds what identifies the
   * fault beside those, e.g. the endpoint.
   */
  readonly cause: string;
  /** The same cause hits several Service ports: they are one finding. */
  readonly spansPorts?: true;
  /** The rules are all there, in another order: a fault only where packets feel it. */
  readonly onlyOrder?: true;
  /** Rules as iptables-save prints them, or facts. */
  readonly expected: readonly string[];
  readonly proof: readonly RuleProof[];
  /** What was found when there is no rule to show. */
  readonly found: string | null;
  readonly confidence: Confidence;
  /** Parts of connections that are stopped, for checks that have walked them; other faults have their impact computed. */
  readonly stopped?: readonly StoppedFlow[];
  /** Only connections from outside the cluster are stopped, as a firewall may be meant to do. */
  readonly mayBeMeant?: boolean;
  /**
   * What users experience, in words, where no walk through rules can tell it; `now`: connections fail because of it at this
   * moment, so that it is no mere warning.
   */
  readonly felt?: { readonly words: string; readonly now: boolean };
  /** Invariants that fail for the same reason, beside the check's own. */
  readonly alsoBreaks?: readonly Invariant[];
  /** Commands; without them the remedy is to have kube-proxy rewrite its rules. */
  readonly fix?: readonly string[];
}

/** Faults, or why the question could not be answered. No fault is *ok*. */
export type Judgement =
  | { readonly status: 'judged'; readonly faults: readonly Fault[] }
  | { readonly status: 'undetermined'; readonly because: string };

export const OK: Judgement = { status: 'judged', faults: [] };

export function judged(faults: readonly Fault[]): Judgement {
  return faults.length === 0 ? OK : { status: 'judged', faults };
}

/** Looks at one Service of the API. */
export interface ServiceCheck extends CheckHeader {
  readonly scope: 'service';
  /** It compares what changes at different moments: a fault must still be there at a second look. */
  readonly lasting?: true;
  /** The question is what the cluster DNS answers for the Service's own name. */
  readonly asksDns?: true;
  readonly applies: (view: ServiceView) => boolean;
  readonly judge: (view: ServiceView) => Judgement;
}

/** Looks at one Service port on one node. */
export interface PortCheck extends CheckHeader {
  readonly scope: 'service-port';
  readonly applies: (view: PortView) => boolean;
  readonly judge: (view: PortView) => Judgement;
}

/** Looks at what a node's rules have for all Services; `hits` says which of the asked-about ports a fault concerns. */
export interface NodeCheck extends CheckHeader {
  readonly scope: 'node';
  /** It is reported also where it concerns nothing that was asked about. */
  readonly always?: true;
  readonly applies: (view: FamilyView) => boolean;
  readonly judge: (view: FamilyView) => Judgement;
  readonly hits: (view: PortView) => boolean;
  /** Parts of connections to a port that a fault stops; then no walk through rules is made. */
  readonly stops?: (view: PortView) => readonly StoppedFlow[];
}

export type Check = ServiceCheck | PortCheck | NodeCheck;

/** Reading anything but the view of its scope does not compile: the scope is the declaration of what a check needs. */
export function defineCheck<C extends Check>(check: C): C {
  return check;
}
