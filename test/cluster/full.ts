/** What a full lab has on top of a plain one: containerd and kubelet on each node, and what runs in pods. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Agents } from './agents.ts';
import type { Api } from './api.ts';
import type { ControlPlane } from './controlplane.ts';
import { Daemon } from './daemon.ts';
import { createDns, outsideCorefile, waitForDns } from './dns.ts';
import type { Flavour } from './flavour.ts';
import { KubePods, createKubePod, isReady, waitUntilReady } from './kube-pods.ts';
import { KubeProxyPod, createKubeProxy } from './kubeproxy-daemonset.ts';
import type { KubeProxy, MachineParts } from './machine.ts';
import { CONTROL_PLANE, NODES, PODS } from './topology.ts';
import type { NodePlan } from './topology.ts';
import { waitFor } from './wait.ts';

export class FullNodes implements Flavour {
  readonly pods: KubePods;
  readonly agents: readonly Agents[];
  private readonly parts: MachineParts;
  private readonly controlPlane: ControlPlane;
  /** What the nodes' resolv.conf names. */
  private readonly outsideDns: Daemon;

  constructor(parts: MachineParts, controlPlane: ControlPlane) {
    this.parts = parts;
    this.controlPlane = controlPlane;
    this.pods = new KubePods(controlPlane.kubectl());
    this.agents = NODES.map((plan) => new Agents(plan, parts));
    const { layout, programs } = parts;
    const corefile = join(layout.work, 'Corefile');
    writeFileSync(corefile, outsideCorefile(CONTROL_PLANE.ip));
    this.outsideDns = new Daemon([programs.coreDns ?? '', '-conf', corefile], join(layout.logs, 'outside-dns.log'));
  }

  agentsOf(plan: NodePlan): Agents | undefined {
    return this.agents.find((agents) => agents.plan === plan);
  }

  kubeProxyOf(plan: NodePlan, api: Api): KubeProxy {
    return new KubeProxyPod(api, plan.name);
  }

  revive(): void {
    for (const daemon of this.daemons) daemon.start();
  }

  async prepare(): Promise<void> {
    this.outsideDns.start();
    await Promise.all(this.agents.map((agents) => agents.startRuntime()));
  }

  async populate(api: Api): Promise<void> {
    for (const agents of this.agents) {
      this.controlPlane.writeKubeconfig(agents.kubeconfig, `kubelet-${agents.plan.name}`);
      agents.kubelet.start();
    }
    // A kubelet refuses what is there before it knows its own capacity.
    await waitFor('the kubelets to register', async () => (await nodes(api)).every(isRegistered), 240_000);
    const pods = PODS.map((pod) => createKubePod(api, pod));
    await Promise.all([createKubeProxy(api, this.parts.options), createDns(api), ...pods]);
  }

  async waitUntilReady(api: Api): Promise<readonly string[]> {
    await waitFor('the nodes to be Ready', async () => (await readyNodes(api)).length === NODES.length, 240_000);
    const [dns] = await Promise.all([waitForDns(api), waitUntilReady(api, PODS)]);
    return dns.map((ip) => `--to-destination ${ip}:53`);
  }

  get daemons(): Daemon[] {
    return [this.outsideDns, ...this.agents.flatMap(({ containerd, kubelet }) => [containerd, kubelet])];
  }
}

interface NodeObject {
  readonly metadata: { readonly name: string };
  readonly status: Parameters<typeof isReady>[0]['status'] & { readonly allocatable?: { readonly pods?: string } };
}

async function nodes(api: Api): Promise<readonly NodeObject[]> {
  return (await api.get<{ items: NodeObject[] }>('/api/v1/nodes')).items;
}

function isRegistered({ status }: NodeObject): boolean {
  return Number(status.allocatable?.pods ?? 0) > 0;
}

async function readyNodes(api: Api): Promise<string[]> {
  return (await nodes(api)).filter(isReady).map((node) => node.metadata.name);
}

export async function waitUntilNotReady(api: Api, node: string): Promise<void> {
  await waitFor(`${node} not to be Ready`, async () => !(await readyNodes(api)).includes(node), 120_000);
}
