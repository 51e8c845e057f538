/** The pods of the cluster: a namespace each, with a server in it. */
import { join } from 'node:path';
import type { Api } from './api.ts';
import { Daemon } from './daemon.ts';
import type { PodRunner } from './flavour.ts';
import { inNetns } from './namespaces.ts';
import type { Network } from './network.ts';
import { podNetns } from './network.ts';
import { createPod, podPath } from './objects.ts';
import { PODS } from './topology.ts';
import type { PodPlan } from './topology.ts';

export class Pods implements PodRunner {
  private readonly network: Network;
  private readonly labtool: string;
  private readonly logs: string;
  private readonly servers = new Map<string, Daemon>();

  constructor(network: Network, labtool: string, logs: string) {
    this.network = network;
    this.labtool = labtool;
    this.logs = logs;
  }

  /** Needs no API server, which does not know of them yet. */
  async runAll(): Promise<void> {
    await Promise.all(PODS.map((pod) => this.run(pod)));
  }

  async start(api: Api, pod: PodPlan): Promise<void> {
    await this.run(pod);
    await createPod(api, pod);
  }

  private async run(pod: PodPlan): Promise<void> {
    await this.network.addPod(pod);
    const listen = `[::]:${pod.port ?? 9376}`;
    const argv = inNetns(podNetns(pod.name), [this.labtool, 'serve', '-name', pod.name, '-listen', listen]);
    const server = new Daemon(argv, join(this.logs, `pod-${pod.name}.log`));
    if (pod.port !== undefined) server.start();
    this.servers.set(pod.name, server);
  }

  async stop(api: Api, pod: PodPlan): Promise<void> {
    await api.delete(podPath(pod));
    await this.servers.get(pod.name)?.stop();
    this.servers.delete(pod.name);
    await this.network.removePod(pod);
  }

  labtoolIn(name: string, args: readonly string[]): string[] {
    if (!this.servers.has(name)) throw new Error(`no pod ${name}; there are ${[...this.servers.keys()].join(', ')}`);
    return inNetns(podNetns(name), [this.labtool, ...args]);
  }
}
