/** etcd, the API server and the controllers, in the control plane's namespace, with their certificates. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Api } from './api.ts';
import { Daemon } from './daemon.ts';
import type { Layout } from './layout.ts';
import type { Programs } from './messages.ts';
import { findProgram, requireSuccess, run } from './process.ts';
import { CLUSTER_CIDR, CONTROL_PLANE, NODES, SERVICE_CIDR, SERVICE_CIDR6 } from './topology.ts';
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

/** Who has one besides in a full lab. */
const FULL_CLIENTS = {
  scheduler: 'lab/system:kube-scheduler',
  'apiserver-kubelet-client': 'system:masters/kube-apiserver-kubelet-client',
  ...Object.fromEntries(NODES.map(({ name }) => [`kubelet-${name}`, `system:nodes/system:node:${name}`])),
};

/** It taints new nodes until a controller that does not run here says that they are ready. */
const LONE_API_SERVER = ['--disable-admission-plugins=TaintNodesByCondition'];

/** All but the controllers that would mourn kubelets and collect their pods. */
const LONE_CONTROLLERS = [
  `--controllers=${['*', '-nodelifecycle', '-node-lifecycle-controller', '-taint-eviction-controller', '-pod-garbage-collector-controller'].join(',')}`,
];

/** All that are on by default, each with its own service account, as kubeadm has it; with less patience for nodes. */
const FULL_CONTROLLERS = [
  '--use-service-account-credentials=true',
  '--node-monitor-period=2s',
  '--node-monitor-grace-period=20s',
];

export class ControlPlane {
  private readonly layout: Layout;
  private readonly programs: Programs;
  private readonly full: boolean;
  readonly daemons = new Map<string, Daemon>();
  onUnexpectedEnd: ((name: string) => void) | undefined;

  constructor(layout: Layout, programs: Programs, full: boolean) {
    this.full = full;
    this.layout = layout;
    this.programs = programs;
  }

  async createCertificates(): Promise<void> {
    const san = `127.0.0.1,localhost,${CONTROL_PLANE.ip},10.96.0.1,kubernetes,kubernetes.default,kubernetes.default.svc`;
    const clients = Object.entries({ ...CLIENTS, ...(this.full ? FULL_CLIENTS : {}) }).map(
      ([file, subject]) => `${file}=${subject}`,
    );
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
    if (this.full) this.startDaemon('kube-scheduler', this.scheduler());
  }

  /** The program with an administrator's kubeconfig, inside the lab. */
  kubectl(): string[] {
    return [
      join(this.programs.kubernetes, 'kubectl'),
      '--kubeconfig',
      join(this.layout.work, 'controller-manager.kubeconfig'),
    ];
  }

  /** A kubeconfig with everything in it, for a client that reaches the server at this address. */
  writeKubeconfig(file: string, client: string, server = SERVER): void {
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
      ...(this.full ? this.kubeletAccess() : LONE_API_SERVER),
      `--client-ca-file=${file('ca.crt')}`,
      `--tls-cert-file=${file('apiserver.crt')}`,
      `--tls-private-key-file=${file('apiserver.key')}`,
      `--service-account-issuer=https://kubernetes.default.svc`,
      `--service-account-key-file=${file('service-account.crt')}`,
      `--service-account-signing-key-file=${file('service-account.key')}`,
    ];
  }

  /** For exec, logs and port-forward. Nodes' names are in no DNS. */
  private kubeletAccess(): string[] {
    const file = (name: string): string => join(this.layout.certificates, `apiserver-kubelet-client.${name}`);
    return [
      '--enable-admission-plugins=NodeRestriction',
      `--kubelet-client-certificate=${file('crt')}`,
      `--kubelet-client-key=${file('key')}`,
      '--kubelet-preferred-address-types=InternalIP',
    ];
  }

  private scheduler(): string[] {
    const kubeconfig = join(this.layout.work, 'scheduler.kubeconfig');
    this.writeKubeconfig(kubeconfig, 'scheduler');
    return [join(this.programs.kubernetes, 'kube-scheduler'), `--kubeconfig=${kubeconfig}`, '--leader-elect=false'];
  }

  private controllerManager(): string[] {
    const kubeconfig = join(this.layout.work, 'controller-manager.kubeconfig');
    this.writeKubeconfig(kubeconfig, 'controller-manager');
    return [
      join(this.programs.kubernetes, 'kube-controller-manager'),
      `--kubeconfig=${kubeconfig}`,
      '--leader-elect=false',
      `--cluster-cidr=${CLUSTER_CIDR}`,
      ...(this.full ? FULL_CONTROLLERS : LONE_CONTROLLERS),
      // Else it makes a folder on the machine.
      `--flex-volume-plugin-dir=${this.layout.work}/volume-plugins`,
      `--service-account-private-key-file=${join(this.layout.certificates, 'service-account.key')}`,
      `--root-ca-file=${join(this.layout.certificates, 'ca.crt')}`,
    ];
  }
}
