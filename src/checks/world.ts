import type { Family, Ip } from '../model/address.ts';
import type { RuleProof } from './check.ts';
import type { NodeMode } from '../kubeproxy/settings.ts';
import type { NodeComparison, PortComparison } from '../kubeproxy/compare.ts';
import type { ExpectedServicePort, ProxySettings } from '../kubeproxy/expectation.ts';
import type { OldPicture } from '../kubeproxy/stale.ts';
import type { RuleIndex } from '../kubeproxy/rule-index.ts';
import type { Ruleset } from '../netfilter/rules.ts';
import type { NodeCondition } from '../model/node-condition.ts';
import type { ClientKind } from '../model/report.ts';
import type { Cluster, Endpoint, NodeFacts, PodFacts, Service, ServicePort } from '../model/service.ts';

/** What checks may see. Built once from a snapshot by `build-world.ts`; every comparison in it is made once. */
export interface World {
  readonly cluster: Cluster;
  /** The Services that were asked about. */
  readonly services: readonly ServiceView[];
  /** By name. */
  readonly nodes: readonly NodeView[];
}

/** A Service and why kube-proxy makes no rules for it, if so. */
export interface ServiceView {
  readonly service: Service;
  /** Its ports in each family; empty when kube-proxy makes no rules. */
  readonly ports: readonly ServicePort[];
  /** `headless`, `ExternalName`, `handled by another proxy`…; null when kube-proxy makes rules. */
  readonly withoutRules: string | null;
  /** Pods its selector matches; null: pods were not read, or there is no selector. */
  readonly pods: readonly PodFacts[] | null;
  readonly cluster: Cluster;
  /** When the slices were read, RFC 3339; null: not known. */
  readonly readAt: string | null;
}

export type NodeView =
  | {
      readonly status: 'judged';
      readonly name: string;
      readonly mode: NodeMode;
      readonly families: readonly FamilyView[];
    }
  /** Not read, or read and not to be judged by iptables rules (another mode, an era that is not known). */
  | {
      readonly status: 'unjudged';
      readonly name: string;
      readonly mode: NodeMode;
      readonly because: string;
      /** Who serves Services here in place of kube-proxy; null: kube-proxy, or nobody knows. */
      readonly owner: string | null;
      /** The one thing to try; null when there is none. */
      readonly tryThis: string | null;
    };

/** One node's rules of one family. */
export interface FamilyView {
  readonly node: string;
  readonly facts: NodeFacts | null;
  /** Of the node, the same in both families. */
  readonly condition: NodeCondition;
  readonly family: Family;
  readonly settings: ProxySettings;
  readonly index: RuleIndex;
  /** False: no chain of kube-proxy in this family on this node. */
  readonly hasProxyRules: boolean;
  readonly comparison: NodeComparison;
  /** Of the family: what the back end that is not in use holds of kube-proxy's, one entry at most. */
  readonly otherBackends: readonly Ruleset[];
  /** All rule sets of the family that were read on the node, whoever wrote them. */
  readonly allBackends: readonly Ruleset[];
  /**
   * Whether kube-proxy makes rules for the Service `NAMESPACE/NAME`: `gone`, or why not, if the API does not have it or it is
   * of a kind without rules; null if it does, or nobody asked for all of that namespace.
   */
  readonly unservedBecause: (name: string) => string | null;
  readonly cluster: Cluster;
  /**
   * Equal on nodes whose rules and settings are the same and hold nothing of other software: what is right on one of them
   * is right on all. null: this node has no twin.
   */
  readonly twin: { readonly ruleset: Ruleset; readonly settings: string } | null;
  /** All endpoints the API has for a port, used or not. */
  readonly endpoints: (port: ServicePort) => readonly Endpoint[];
  /** The asked-about ports of this family that kube-proxy makes rules for. */
  readonly ports: readonly ServicePort[];
  /** The asked-about port that has this address (null: the node's own) and port number. */
  readonly ownerOf: (address: string | null, protocol: string, port: number) => ServicePort | null;
  /** Made anew at each call: ten thousand of them at once would need more memory than the rules themselves. */
  readonly viewOf: (port: ServicePort) => PortView;
}

/** One Service port on one node. */
export interface PortView {
  readonly port: ServicePort;
  readonly expected: ExpectedServicePort;
  readonly comparison: PortComparison;
  /** Set when the rules are right for another state of the API than it has now: then that is the one cause. */
  readonly stale: OldPicture | null;
  /** What new connections to the port experience, by walking them through the rules; expensive. */
  readonly behaviour: () => readonly FlowDifference[];
  /** Connections that kube-proxy's rules would deliver and that rules of other software certainly stop; expensive. */
  readonly obstacles: () => readonly Obstacle[];
  /** Where kube-proxy's rules take usual connections to the port that are answered; expensive. */
  readonly deliveries: () => readonly Delivery[];
  readonly on: FamilyView;
}

/** Part of one kind of connection, and the endpoint it is taken to. */
export interface Delivery {
  /** e.g. `from its pods to 10.111.231.44:80`. */
  readonly flow: string;
  readonly client: ClientKind;
  /** 0 to 1. */
  readonly share: number;
  readonly endpoint: Ip;
  /** The node keeps the packets: the endpoint has an address of the node itself. */
  readonly staysOnNode: boolean;
  /** The endpoint sees the node as its client. */
  readonly masqueraded: boolean;
}

/** Part of one kind of connection that is stopped by what is not kube-proxy's. */
export interface Obstacle {
  /** e.g. `from its pods to 10.111.231.44:80`. */
  readonly flow: string;
  /** 0 to 1: how many of them, beyond those that kube-proxy's own rules stop. */
  readonly share: number;
  /** `10.168.1.12:9376`, where they were sent. */
  readonly endpoint: string;
  readonly verdict: 'dropped' | 'rejected' | 'kept from being translated' | 'sent past the way back';
  /** Who connects. */
  readonly client: ClientKind;
  /** To an external or load-balancer address, as only outside clients are meant to. */
  readonly toOuterAddress: boolean;
  /** The rule that stops them; null for a chain's policy, which `because` names. */
  readonly rule: RuleProof | null;
  readonly because: string;
}

/** One kind of connection that does not go where kube-proxy's rules would take it. */
export interface FlowDifference {
  /** e.g. `from outside to node port 30000`. */
  readonly flow: string;
  /** The rules that decide, in the order of the walk. */
  readonly via: readonly RuleProof[];
}
