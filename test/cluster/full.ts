/** What a full lab has on top of a plain one: containerd and kubelet on each node, and what runs in pods. */
import { Agents } from './agents.ts';
import type { Api } from './api.ts';
import type { ControlPlane } from './controlplane.ts';
import type { Daemon } from './daemon.ts';
import { isReady } from './kube-pods.ts';
import { createKubeProxy } from './kubeproxy-daemonset.ts';
import type { MachineParts } from './machine.ts';
import { NODES } from './topology.ts';
import { waitFor } from './wait.ts';

export class FullNodes {
  readonly agents: readonly Agents[];
  private readonly parts: MachineParts;
  private readonly controlPlane: ControlPlane;

  constructor(parts: MachineParts, controlPlane: ControlPlane) {
    this.parts = parts;
    this.controlPlane = controlPlane;
    this.agents = NODES.map((plan) => new Agents(plan, parts));
  }

  /** Needs no API server. */
  async startRuntimes(): Promise<void> {
    await Promise.all(this.agents.map((agents) => agents.startRuntime()));
  }

  /** The nodes' objects are there already. */
  async startKubelets(api: Api): Promise<void> {
    for (const agents of this.agents) {
      this.controlPlane.writeKubeconfig(agents.kubeconfig, `kubelet-${agents.plan.name}`);
      agents.kubelet.start();
    }
    await createKubeProxy(api, this.parts.options);
  }

  async waitUntilReady(api: Api): Promise<void> {
    await waitFor(
      'the nodes to be Ready',
      async () => {
        const { items } = await api.get<{ items: Parameters<typeof isReady>[0][] }>('/api/v1/nodes');
        return items.filter(isReady).length === NODES.length;
      },
      240_000,
    );
  }

  /** For what they said last. */
  get daemons(): Daemon[] {
    return this.agents.flatMap(({ containerd, kubelet }) => [containerd, kubelet]);
  }
}
