/** A plain lab: pods are namespaces with a process in them, kube-proxy is one; what kubelets would say is made up. */
import type { Api } from './api.ts';
import { CONTROL_PLANE_VERSION } from './build.ts';
import type { Flavour } from './flavour.ts';
import { kubeProxyProcess } from './kubeproxy-process.ts';
import type { KubeProxy, MachineParts } from './machine.ts';
import type { Network } from './network.ts';
import { createPod, pretendKubelets } from './objects.ts';
import { Pods } from './pods.ts';
import { PODS } from './topology.ts';
import type { NodePlan } from './topology.ts';

export class PlainNodes implements Flavour {
  readonly pods: Pods;
  readonly daemons = [];
  private readonly parts: MachineParts;
  private readonly log: (line: string) => void;

  constructor(parts: MachineParts, network: Network, log: (line: string) => void) {
    this.parts = parts;
    this.log = log;
    this.pods = new Pods(network, parts.programs.labtool, parts.layout.logs);
  }

  prepare(): Promise<void> {
    return this.pods.runAll();
  }

  async populate(api: Api): Promise<void> {
    await pretendKubelets(api, CONTROL_PLANE_VERSION);
    await Promise.all(PODS.map((pod) => createPod(api, pod)));
  }

  kubeProxyOf(plan: NodePlan): KubeProxy {
    const daemon = kubeProxyProcess(plan, this.parts);
    daemon.onUnexpectedEnd = () => this.log(`kube-proxy on ${plan.name} ended by itself`);
    daemon.start();
    return daemon;
  }

  agentsOf(): undefined {
    return undefined;
  }

  revive(): void {
    // Its kube-proxies and sshds are started again by whoever heals.
  }

  async waitUntilReady(): Promise<readonly string[]> {
    return [];
  }
}
