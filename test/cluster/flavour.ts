/** What differs between a plain lab and a full one: who runs the pods and the kube-proxies, and what else nodes have. */
import type { Agents } from './agents.ts';
import type { Api } from './api.ts';
import type { Daemon } from './daemon.ts';
import type { KubeProxy } from './machine.ts';
import type { NodePlan, PodPlan } from './topology.ts';

export interface Flavour {
  readonly pods: PodRunner;
  /** Their last words are in the error of a lab that did not come up. */
  readonly daemons: readonly Daemon[];
  /** Starts what needs no API server. */
  prepare(): Promise<void>;
  /** Fills the cluster. The objects of the nodes and the controllers are there. */
  populate(api: Api): Promise<void>;
  kubeProxyOf(plan: NodePlan, api: Api): KubeProxy;
  agentsOf(plan: NodePlan): Agents | undefined;
  /** Starts what was killed; what runs goes on. */
  revive(): void;
  /** Returns texts of rules that kube-proxy writes in labs of this flavour only. */
  waitUntilReady(api: Api): Promise<readonly string[]>;
}

export interface PodRunner {
  /** The API server knows of it as well. */
  start(api: Api, pod: PodPlan): Promise<void>;
  stop(api: Api, pod: PodPlan): Promise<void>;
  /** argv that runs labtool in the pod's network. */
  labtoolIn(pod: string, args: readonly string[]): string[];
}
