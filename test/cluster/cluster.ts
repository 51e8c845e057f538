/** The running cluster: what the supervisor starts, breaks, heals and asks. */
import type { Api } from './api.ts';
import type { ClusterChanges } from './breaks.ts';
import { findBreak } from './breaks.ts';
import { labCgroup } from './cgroups.ts';
import type { ConnectRequest, Connection, LabStatus, Methods, NodeStatus } from './control.ts';
import { ControlPlane } from './controlplane.ts';
import type { Layout } from './layout.ts';
import type { Flavour } from './flavour.ts';
import { FullNodes, waitUntilNotReady } from './full.ts';
import { Machine } from './machine.ts';
import type { MachineParts } from './machine.ts';
import type { Programs } from './messages.ts';
import { Network, externalMark } from './network.ts';
import { createNodes, createServices } from './objects.ts';
import type { LabOptions } from './options.ts';
import type { Ports } from './ports.ts';
import { PlainNodes } from './plain.ts';
import { linkIptables, replaceSystemFiles } from './privacy.ts';
import { requireSuccess, run } from './process.ts';
import type { RunResult } from './process.ts';
import { createNodeNamespaces, inNetns, onNode } from './namespaces.ts';
import { record } from './record.ts';
import { createKeys } from './ssh.ts';
import { DEFAULT_BROKEN_NODE, EXTERNAL, HOSTNAMES_PODS, MOVED_POD, NODES, nodePlan } from './topology.ts';
import type { PodPlan } from './topology.ts';
import { waitFor } from './wait.ts';

interface Applied {
  readonly name: string;
  readonly node: string;
  readonly undo: (() => Promise<void>)[];
}

export class Cluster {
  private readonly options: LabOptions;
  private readonly layout: Layout;
  private readonly programs: Programs;
  private readonly parts: MachineParts;
  private readonly log: (line: string) => void;
  private readonly network: Network;
  private readonly flavour: Flavour;
  readonly controlPlane: ControlPlane;
  private readonly machines: Machine[] = [];
  private readonly started = Date.now();
  private applied: Applied[] = [];
  private endpointMoved = false;
  /** Breaks and heals happen one after the other. */
  private turn: Promise<unknown> = Promise.resolve();
  private apiOfStart: Api | undefined;

  constructor(options: LabOptions, layout: Layout, programs: Programs, ports: Ports, log: (line: string) => void) {
    this.options = options;
    this.layout = layout;
    this.programs = programs;
    this.log = log;
    this.network = new Network(programs.labtool);
    this.controlPlane = new ControlPlane(layout, programs, options.full);
    this.parts = { options, layout, programs, ports };
    this.flavour = options.full
      ? new FullNodes(this.parts, this.controlPlane)
      : new PlainNodes(this.parts, this.network, this.log);
  }

  private get api(): Api {
    if (this.apiOfStart === undefined) throw new Error('the lab is still starting');
    return this.apiOfStart;
  }

  async start(): Promise<void> {
    await replaceSystemFiles();
    linkIptables(this.options.backend, `${this.layout.work}/iptables-${this.options.backend}`);
    const keys = createKeys(this.layout);
    await this.controlPlane.createCertificates();
    await this.network.build();
    await Promise.all(NODES.map(({ name }) => this.createNode(name)));
    const [api] = await Promise.all([this.controlPlane.start(), this.flavour.prepare(), keys]);
    this.apiOfStart = api;
    this.log('the API server is ready');
    await createNodes(api);
    this.controlPlane.startControllers();
    this.controlPlane.writeKubeconfig(`${this.layout.work}/kube-proxy.kubeconfig`, 'kube-proxy');
    await createServices(api);
    await this.flavour.populate(api);
    this.startMachines(api);
    this.log('nodes, pods and Services are created; waiting for kube-proxy');
    const more = await this.flavour.waitUntilReady(api);
    await Promise.all(this.machines.map((machine) => machine.waitForFirstRules(more)));
  }

  private createNode(node: string): Promise<void> {
    const { labtool } = this.programs;
    const dir = this.layout.nodeDir(node);
    const cgroup = !this.options.full ? {} : { cgroup: `${labCgroup(this.layout.dir)}/${node}` };
    return createNodeNamespaces({ node, labtool, dir, ...cgroup });
  }

  /** What the daemons said last, for the error of a lab that did not come up. */
  lastWords(): string {
    const daemons = [...this.controlPlane.daemons.values(), ...this.machines.map((machine) => machine.kubeProxy)];
    const all = [...daemons, ...this.flavour.daemons];
    return all.map((daemon) => daemon.lastWords()).join('\n');
  }

  private startMachines(api: Api): void {
    for (const plan of NODES) {
      const machine = new Machine(plan, this.flavour.kubeProxyOf(plan, api), this.parts, this.flavour.agentsOf(plan));
      this.machines.push(machine);
      machine.sshd.start();
    }
  }

  private machine(name: string): Machine {
    const found = this.machines.find((machine) => machine.plan.name === name);
    if (found === undefined) throw new Error(`no node ${name}; there are ${NODES.map((node) => node.name).join(', ')}`);
    return found;
  }

  status(): LabStatus {
    const nodes = this.machines.map((machine): NodeStatus => ({
      name: machine.plan.name,
      ip: machine.plan.ip,
      kubeProxy: machine.kubeProxy.running ? 'running' : 'dead',
      sshd: machine.sshd.running ? 'running' : 'dead',
      ...(machine.agents === undefined ? {} : machine.agents.status()),
      breaks: this.applied.filter((one) => one.node === machine.plan.name).map((one) => one.name),
    }));
    const upSeconds = Math.round((Date.now() - this.started) / 1000);
    return { kubeProxyVersion: this.options.kubeProxy, backend: this.options.backend, upSeconds, nodes };
  }

  break(name: string, node = DEFAULT_BROKEN_NODE): Promise<Methods['break']['result']> {
    return this.inTurn(async () => {
      const machine = this.machine(node);
      const rules = machine.rules();
      const found = findBreak(name);
      const applied: Applied = { name, node, undo: [] };
      const onHeal = (undo: () => Promise<void>): void => void applied.undo.push(undo);
      this.applied.push(applied);
      await found
        .apply({ options: this.options, machine, rules, cluster: this.changes(), onHeal })
        .catch((error: unknown) => {
          // What did nothing broke nothing, for example because of another break.
          if (rules.did.length === 0) this.applied.splice(this.applied.indexOf(applied), 1);
          throw error;
        });
      await machine.forgetConnections();
      return { node, did: rules.did };
    });
  }

  /** Every node is healed, so that a half-done break and a person's own experiments are healed as well. */
  heal(): Promise<Methods['heal']['result']> {
    return this.inTurn(async () => {
      const begun = Date.now();
      const healed = this.applied;
      // Who is to stop and start kube-proxies has to live.
      this.flavour.revive();
      await Promise.all(this.machines.map((machine) => machine.kubeProxy.stop()));
      // A break that failed halfway may have nothing to undo.
      for (const undo of healed.flatMap((one) => one.undo).toReversed())
        await undo().catch((error: Error) => this.log(error.message));
      for (const machine of this.machines) {
        await machine.startSshd();
        await machine.kubeProxy.start();
      }
      await this.flavour.waitUntilReady(this.api);
      await Promise.all(this.machines.map((machine) => machine.waitForHealthyRules()));
      await Promise.all(this.machines.map((machine) => machine.forgetConnections()));
      this.applied = [];
      const names = healed.map(({ name, node }) => `${name} on ${node}`);
      return { healed: names, seconds: Math.round((Date.now() - begun) / 100) / 10 };
    });
  }

  private inTurn<T>(action: () => Promise<T>): Promise<T> {
    const mine = this.turn.then(action);
    this.turn = mine.catch(() => undefined);
    return mine;
  }

  private changes(): ClusterChanges {
    return {
      moveEndpoint: async (exceptNode) => {
        if (!this.endpointMoved) {
          this.endpointMoved = true;
          await this.replacePod(HOSTNAMES_PODS[1], MOVED_POD);
        }
        const others = this.machines.filter((machine) => machine.plan.name !== exceptNode && machine.kubeProxy.running);
        await Promise.all(others.map((machine) => this.waitForEndpoint(machine, MOVED_POD.ip)));
      },
      moveEndpointBack: async () => {
        if (!this.endpointMoved) return;
        await this.replacePod(MOVED_POD, HOSTNAMES_PODS[1]);
        this.endpointMoved = false;
        await waitFor('the endpoint to move back', async () => {
          const slices = await this.api.send('GET', '/apis/discovery.k8s.io/v1/endpointslices');
          return slices.includes(`"${HOSTNAMES_PODS[1].ip}"`) && !slices.includes(`"${MOVED_POD.ip}"`);
        });
      },
      waitUntilNotReady: (node) => waitUntilNotReady(this.api, node),
    };
  }

  private async replacePod(old: PodPlan, fresh: PodPlan): Promise<void> {
    await this.flavour.pods.stop(this.api, old);
    await this.flavour.pods.start(this.api, fresh);
  }

  private waitForEndpoint(machine: Machine, ip: string): Promise<void> {
    const rules = machine.rules();
    return waitFor(`${ip} to be known on ${machine.plan.name}`, async () =>
      (await rules.save('iptables')).includes(`${ip}:`),
    );
  }

  async connect({ from, to, count = 1, timeoutMs = 2000, via }: ConnectRequest): Promise<readonly Connection[]> {
    const mark = from === 'external' ? externalMark(via ?? DEFAULT_BROKEN_NODE) : 0;
    const flags = ['-count', String(count), '-timeout', `${timeoutMs}ms`, '-mark', String(mark)];
    const argv = this.labtoolFrom(from, ['connect', ...flags, to]);
    return JSON.parse(requireSuccess(await run(argv)).stdout) as Connection[];
  }

  private labtoolFrom(from: string, args: readonly string[]): string[] {
    const [kind, name = ''] = from.split('/');
    if (kind === 'external') return inNetns(EXTERNAL.netns, [this.programs.labtool, ...args]);
    if (kind === 'node') return onNode(nodePlan(name).name, [this.programs.labtool, ...args]);
    if (kind === 'pod') return this.flavour.pods.labtoolIn(name, args);
    throw new Error(`${from} is neither node/NAME nor pod/NAME nor external`);
  }

  exec(node: string | undefined, argv: readonly string[], input?: string): Promise<RunResult> {
    const command = node === undefined ? argv : onNode(nodePlan(node).name, ['/usr/bin/env', ...argv]);
    return run(command, input === undefined ? {} : { input });
  }

  record(): Promise<Readonly<Record<string, string>>> {
    return record(this.api, (node, argv) => this.exec(node, argv));
  }
}
