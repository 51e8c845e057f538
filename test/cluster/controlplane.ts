/** etcd, the API server and the controllers, in the control plane's namespace, with their certificates. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Api } from './api.ts';
import { Daemon } from './daemon.ts';
import type { Layout } from './layout.ts';
import type { Programs } from './messages.ts';
import { findProgram, requireSuccess, run } from './process.ts';
import { CLUSTER_CIDR, CONTROL_PLANE, SERVICE_CIDR, SERVICE_CIDR6 } from './topology.ts';
import { waitFor } from './wait.ts';

const ETCD = 'http://127.0.0.1:2379';
const SERVER = `https://${CONTROL_PLANE.ip}:${CONTROL_PLANE.port}`;

/** Who has a certificate: file=group/user. */
const CLIENTS = {
  admin: 'system:masters/kubernetes-admin',
  'controller-manager': 'system:masters/system:kube-controller-manager',
  'kube-proxy': 'system:node-proxier/system:kube-proxy',
  'service-account': 'lab/service-account',
} as const;

export class ControlPlane {
  private readonly layout: Layout;
  private readonly programs: Programs;
  readonly daemons = new Map<string, Daemon>();
  onUnexpectedEnd: ((name: string) => void) | undefined;

  constructor(layout: Layout, programs: Programs) {
    this.layout = layout;
    this.programs = programs;
  }

  async createCertificates(): Promise<void> {
    const san = `127.0.0.1,localhost,${CONTROL_PLANE.ip},10.96.0.1,kubernetes,kubernetes.default,kubernetes.default.svc`;
    const clients = Object.entries(CLIENTS).map(([file, subject]) => `${file}=${subject}`);
    const argv = [this.programs.labtool, 'certs', '-dir', this.layout.certificates, '-san', san, ...clients];
    requireSuccess(await run(argv));
  }

  /** Returns once the API server is ready to serve. */
  async start(): Promise<Api> {
    this.startDaemon('etcd', this.etcd());
    this.startDaemon('kube-apiserver', this.apiServer());
    const api = new Api(this.layout.certificates);
    await waitFor('the API server', async () => (await api.send('GET', '/readyz')) === 'ok', 60_000, 50);
    return api;
  }

  startControllers(): void {
    this.startDaemon('kube-controller-manager', this.controllerManager());
  }

  /** A kubeconfig with everything in it, for a client that reaches the server at this address. */
  writeKubeconfig(file: string, client: keyof typeof CLIENTS, server = SERVER): void {
    const data = (name: string): string => readFileSync(join(this.layout.certificates, name)).toString('base64');
    const lines = [
      'apiVersion: v1',
      'kind: Config',
      'clusters:',
      '  - name: lab',
      '    cluster:',
      `      server: ${server}`,
      `      certificate-authority-data: ${data('ca.crt')}`,
      'users:',
      `  - name: ${client}`,
      '    user:',
      `      client-certificate-data: ${data(`${client}.crt`)}`,
      `      client-key-data: ${data(`${client}.key`)}`,
      'contexts:',
      '  - name: lab',
      `    context: { cluster: lab, user: ${client} }`,
      'current-context: lab',
    ];
    writeFileSync(file, `${lines.join('\n')}\n`, { mode: 0o600 });
  }

  private startDaemon(name: string, argv: readonly string[]): void {
    const daemon = new Daemon(argv, join(this.layout.logs, `${name}.log`));
    daemon.onUnexpectedEnd = () => this.onUnexpectedEnd?.(name);
    this.daemons.set(name, daemon);
    daemon.start();
  }

  private etcd(): string[] {
    const urls = [
      `--listen-client-urls=${ETCD}`,
      `--advertise-client-urls=${ETCD}`,
      '--listen-peer-urls=http://127.0.0.1:2380',
    ];
    return [findProgram('etcd') ?? 'etcd', `--data-dir=${this.layout.work}/etcd`, ...urls, '--log-level=warn'];
  }

  private apiServer(): string[] {
    const file = (name: string): string => join(this.layout.certificates, name);
    return [
      join(this.programs.kubernetes, 'kube-apiserver'),
      `--etcd-servers=${ETCD}`,
      `--advertise-address=${CONTROL_PLANE.ip}`,
      `--secure-port=${CONTROL_PLANE.port}`,
      `--service-cluster-ip-range=${SERVICE_CIDR},${SERVICE_CIDR6}`,
      '--authorization-mode=Node,RBAC',
      '--allow-privileged=true',
      // It taints new nodes until a controller that does not run here says that they are ready.
      '--disable-admission-plugins=TaintNodesByCondition',
      `--client-ca-file=${file('ca.crt')}`,
      `--tls-cert-file=${file('apiserver.crt')}`,
      `--tls-private-key-file=${file('apiserver.key')}`,
      `--service-account-issuer=https://kubernetes.default.svc`,
      `--service-account-key-file=${file('service-account.crt')}`,
      `--service-account-signing-key-file=${file('service-account.key')}`,
    ];
  }

  /** Without the controllers that would mourn kubelets and collect their pods. */
  private controllerManager(): string[] {
    const kubeconfig = join(this.layout.work, 'controller-manager.kubeconfig');
    this.writeKubeconfig(kubeconfig, 'controller-manager');
    const absent = [
      'nodelifecycle',
      'node-lifecycle-controller',
      'taint-eviction-controller',
      'pod-garbage-collector-controller',
    ];
    return [
      join(this.programs.kubernetes, 'kube-controller-manager'),
      `--kubeconfig=${kubeconfig}`,
      '--leader-elect=false',
      `--cluster-cidr=${CLUSTER_CIDR}`,
      `--controllers=*,${absent.map((name) => `-${name}`).join(',')}`,
      `--service-account-private-key-file=${join(this.layout.certificates, 'service-account.key')}`,
      `--root-ca-file=${join(this.layout.certificates, 'ca.crt')}`,
    ];
  }
}
