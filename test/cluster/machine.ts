/** One node: its kube-proxy and its sshd. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
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

export class Machine {
  readonly plan: NodePlan;
  readonly sshd: Daemon;
  readonly kubeProxy: Daemon;
  private readonly options: LabOptions;
  private readonly programs: Programs;
  private readonly ports: Ports;
  /** The rules of the healthy node, once kube-proxy had written them all. */
  private healthy = '';

  constructor(plan: NodePlan, options: LabOptions, layout: Layout, programs: Programs, ports: Ports) {
    this.plan = plan;
    this.options = options;
    this.programs = programs;
    this.ports = ports;
    const log = (name: string): string => join(layout.logs, `${plan.name}-${name}.log`);
    const sshd = [findProgram('sshd') ?? 'sshd', '-D', '-e', '-f', writeSshdConfig(layout, plan)];
    this.sshd = new Daemon(onNode(plan.name, programs.labtool, sshd), log('sshd'));
    const kubeProxy = onNode(plan.name, programs.labtool, this.kubeProxyArgv(layout));
    const path = `${layout.work}/iptables-${options.backend}:${process.env['PATH'] ?? ''}`;
    this.kubeProxy = new Daemon(kubeProxy, log('kube-proxy'), { ...process.env, PATH: path });
  }

  private kubeProxyArgv(layout: Layout): string[] {
    const { masqueradeAll, markBit, clusterCidr, kubeProxyFlags } = this.options;
    return [
      this.programs.kubeProxy,
      `--kubeconfig=${layout.work}/kube-proxy.kubeconfig`,
      `--hostname-override=${this.plan.name}`,
      '--proxy-mode=iptables',
      `--iptables-masquerade-bit=${markBit}`,
      ...(masqueradeAll ? ['--masquerade-all'] : []),
      ...(clusterCidr === null
        ? []
        : [`--cluster-cidr=${isSingleStack(this.options) ? clusterCidr.split(',')[0] : clusterCidr}`]),
      // The slices it would read are of an API version that is no more.
      ...(isSingleStack(this.options) ? ['--feature-gates=EndpointSliceProxying=false'] : []),
      // A setting of the whole machine: it cannot be written in a namespace.
      '--conntrack-max-per-core=0',
      '--healthz-bind-address=127.0.0.1:10256',
      '--metrics-bind-address=127.0.0.1:10249',
      ...kubeProxyFlags,
    ];
  }

  rules(): NodeRules {
    return new NodeRules(this.plan.name, this.options.backend, this.programs.labtool);
  }

  private async essence(): Promise<string> {
    const rules = this.rules();
    const [four, six] = await Promise.all([rules.save('iptables'), rules.save('ip6tables')]);
    return `${essence(four)}\n${essence(six)}`;
  }

  /** Waits for the first full set of rules, and remembers it as the healthy one. */
  async waitForFirstRules(): Promise<void> {
    // All endpoints: a Service whose endpoints have not arrived yet has rules as well, that reject.
    const endpoints = PODS.filter((pod) => pod.port !== undefined).map((pod) => `${pod.ip}:${pod.port}`);
    const wanted = [
      ...[...endpoints, `${CONTROL_PLANE.ip}:${CONTROL_PLANE.port}`].map((endpoint) => `--to-destination ${endpoint}`),
      ...SERVICES.map((service) => `-d ${service.clusterIp}/32`),
      `--dport ${HOSTNAMES.nodePort}`,
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
