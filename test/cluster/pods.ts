/** The pods of the cluster: a namespace each, with a server in it. */
import { join } from 'node:path';
import { Daemon } from './daemon.ts';
import { inNetns } from './namespaces.ts';
import type { Network } from './network.ts';
import { podNetns } from './network.ts';
import { PODS } from './topology.ts';
import type { PodPlan } from './topology.ts';

/** The pods of a lab, however they are run. */
export interface PodRunner {
  startAll(): Promise<void>;
  /** Before its object is created, where nobody else starts it. */
  start(pod: PodPlan): Promise<void>;
  stop(pod: PodPlan): Promise<void>;
  /** argv that runs labtool in the pod's network. */
  labtoolIn(pod: string, args: readonly string[]): string[];
}

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

  async startAll(): Promise<void> {
    await Promise.all(PODS.map((pod) => this.start(pod)));
  }

  async start(pod: PodPlan): Promise<void> {
    await this.network.addPod(pod);
    const listen = `[::]:${pod.port ?? 9376}`;
    const argv = inNetns(podNetns(pod.name), [this.labtool, 'serve', '-name', pod.name, '-listen', listen]);
    const server = new Daemon(argv, join(this.logs, `pod-${pod.name}.log`));
    if (pod.port !== undefined) server.start();
    this.servers.set(pod.name, server);
  }

  async stop(pod: PodPlan): Promise<void> {
    await this.servers.get(pod.name)?.stop();
    this.servers.delete(pod.name);
    await this.network.removePod(pod);
  }

  labtoolIn(name: string, args: readonly string[]): string[] {
    if (!this.servers.has(name)) throw new Error(`no pod ${name}; there are ${[...this.servers.keys()].join(', ')}`);
    return inNetns(podNetns(name), [this.labtool, ...args]);
  }
}
