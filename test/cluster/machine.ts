/** One node: its kube-proxy and its sshd. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Agents } from './agents.ts';
import { Daemon } from './daemon.ts';
import type { Layout } from './layout.ts';
import type { Programs } from './messages.ts';
import { onNode, runIn } from './namespaces.ts';
import { isSingleStack } from './options.ts';
import type { LabOptions } from './options.ts';
import { findProgram, requireSuccess } from './process.ts';
import type { Ports } from './ports.ts';
import { NodeRules, essence } from './rules.ts';
import { writeSshdConfig } from './ssh.ts';
import type { NodePlan } from './topology.ts';
import { CONTROL_PLANE, HOSTNAMES, PODS, SERVICES } from './topology.ts';
import { waitFor } from './wait.ts';

/** The kube-proxy of one node, however it is run there. */
export interface KubeProxy {
  readonly running: boolean;
  start(): void | Promise<void>;
  stop(): Promise<void>;
  /** For an error message. */
  lastWords(): string;
}

/** What the nodes of a lab have in common. */
export interface MachineParts {
  readonly options: LabOptions;
  readonly layout: Layout;
  readonly programs: Programs;
  readonly ports: Ports;
}

export class Machine {
  readonly plan: NodePlan;
  readonly sshd: Daemon;
  readonly kubeProxy: KubeProxy;
  /** Only in a full lab. */
  readonly agents: Agents | undefined;
  private readonly options: LabOptions;
  private readonly programs: Programs;
  private readonly ports: Ports;
  /** The rules of the healthy node, once kube-proxy had written them all. */
  private healthy = '';

  constructor(plan: NodePlan, kubeProxy: KubeProxy, parts: MachineParts, agents?: Agents) {
    const { options, layout, programs, ports } = parts;
    this.plan = plan;
    this.options = options;
    this.programs = programs;
    this.ports = ports;
    this.kubeProxy = kubeProxy;
    this.agents = agents;
    const sshd = [findProgram('sshd') ?? 'sshd', '-D', '-e', '-f', writeSshdConfig(layout, plan)];
    this.sshd = new Daemon(onNode(plan.name, sshd), join(layout.logs, `${plan.name}-sshd.log`));
  }

  rules(): NodeRules {
    return new NodeRules(this.plan.name, this.options.backend);
  }

  private async essence(): Promise<string> {
    const rules = this.rules();
    const [four, six] = await Promise.all([rules.save('iptables'), rules.save('ip6tables')]);
    return `${essence(four)}\n${essence(six)}`;
  }

  /**
   * Waits for the first full set of rules, and remembers it as the healthy one.
   * @param more texts of rules that are of this flavour of lab
   */
  async waitForFirstRules(more: readonly string[] = []): Promise<void> {
    // All endpoints: a Service whose endpoints have not arrived yet has rules as well, that reject.
    const endpoints = PODS.filter((pod) => pod.port !== undefined).map((pod) => `${pod.ip}:${pod.port}`);
    const wanted = [
      ...[...endpoints, `${CONTROL_PLANE.ip}:${CONTROL_PLANE.port}`].map((endpoint) => `--to-destination ${endpoint}`),
      ...SERVICES.map((service) => `-d ${service.clusterIp}/32`),
      `--dport ${HOSTNAMES.nodePort}`,
      ...more,
    ];
    await waitFor(`kube-proxy's rules on ${this.plan.name}`, async () => {
      const now = await this.essence();
      const families = now.split('-j MASQUERADE').length - 1;
      if (
        !wanted.every((text) => now.includes(text)) ||
        families !== (isSingleStack(this.options) ? 1 : 2) ||
        !(await this.synced())
      )
        return false;
      this.healthy = now;
      return true;
    });
  }

  /** Waits until a kube-proxy that was started again has put everything right. */
  async waitForHealthyRules(): Promise<void> {
    const patience = Date.now() + 15_000;
    await waitFor(`kube-proxy to write its rules again on ${this.plan.name}`, async () => {
      if (!(await this.synced())) return false;
      // Somebody may have changed the cluster's objects since; then other rules than the first ones are right.
      return (await this.essence()) === this.healthy || Date.now() > patience;
    });
  }

  /** Whether kube-proxy has written both families' rules since it was started. */
  private async synced(): Promise<boolean> {
    const metrics = await runIn(this.plan.name, [this.programs.labtool, 'get', 'http://127.0.0.1:10249/metrics']);
    const last = metrics.stdout.match(/^kubeproxy_sync_proxy_rules_last_timestamp_seconds\S* .*$/gm) ?? [];
    return last.length > 0 && last.every((line) => Number(line.split(' ').at(-1)) > 0);
  }

  async sysctl(name: string, value: string): Promise<void> {
    requireSuccess(await runIn(this.plan.name, [this.programs.labtool, 'sysctl', `${name}=${value}`]));
  }

  /**
   * Forgets all connections. Else one that got no answer, or was answered by other rules, decides for two minutes about
   * a new one that happens to come from the same port.
   */
  async forgetConnections(): Promise<void> {
    requireSuccess(await runIn(this.plan.name, [findProgram('conntrack') ?? 'conntrack', '-F']));
  }

  async startSshd(): Promise<void> {
    this.sshd.start();
    await this.ports.reopen(this.plan.name);
  }

  /** The listener, and whoever is logged in. */
  async stopSshd(): Promise<void> {
    const pid = this.sshd.pid;
    const sessions = pid === undefined ? [] : childrenOf(pid);
    await this.sshd.stop();
    for (const session of sessions) killIfAlive(session);
    await this.ports.close(this.plan.name);
  }
}

function childrenOf(pid: number): number[] {
  return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean).map(Number);
}

function killIfAlive(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // Ended by itself meanwhile.
  }
}
