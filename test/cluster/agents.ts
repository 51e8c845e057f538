/** What makes a node one of a full lab: its containerd and its kubelet. */
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { AGENTS_GROUP } from './cgroups.ts';
import { Daemon } from './daemon.ts';
import { PAUSE_IMAGE } from './images.ts';
import type { Layout } from './layout.ts';
import type { MachineParts } from './machine.ts';
import type { Programs } from './messages.ts';
import { inNodeGroup, onNode } from './namespaces.ts';
import { requireSuccess, run } from './process.ts';
import type { NodePlan } from './topology.ts';
import { CLUSTER_DOMAIN, CONTROL_PLANE, DNS_SERVICE, MOVED_POD, PODS } from './topology.ts';
import { waitFor } from './wait.ts';

/** In the node's own mount namespace, where real ones are. */
const SOCKET = '/run/containerd/containerd.sock';
const CNI_CONFIG = '/var/lib/cni/net.d';
const STATIC_PODS = '/var/lib/kubelet/manifests';
const CNI_PLUGINS = '/usr/lib/cni';

export class Agents {
  readonly plan: NodePlan;
  readonly containerd: Daemon;
  readonly kubelet: Daemon;
  private readonly layout: Layout;
  private readonly programs: Programs;

  constructor(plan: NodePlan, { layout, programs, options }: MachineParts) {
    this.plan = plan;
    this.layout = layout;
    this.programs = programs;
    const daemon = (name: string, argv: readonly string[]): Daemon => {
      const command = inNodeGroup(plan.name, programs.labtool, AGENTS_GROUP, argv);
      // The machine's /tmp is not the lab's to litter.
      const env = {
        ...process.env,
        PATH: `${layout.work}/iptables-${options.backend}:${process.env['PATH'] ?? ''}`,
        TMPDIR: layout.work,
      };
      return new Daemon(command, join(layout.logs, `${plan.name}-${name}.log`), env);
    };
    this.containerd = daemon('containerd', ['containerd', '--config', this.file('containerd.toml')]);
    this.kubelet = daemon('kubelet', this.kubeletArgv());
  }

  status(): { readonly kubelet: 'running' | 'dead'; readonly containerd: 'running' | 'dead' } {
    const state = (daemon: Daemon): 'running' | 'dead' => (daemon.running ? 'running' : 'dead');
    return { kubelet: state(this.kubelet), containerd: state(this.containerd) };
  }

  get kubeconfig(): string {
    return this.file('kubelet.kubeconfig');
  }

  private file(name: string): string {
    return join(this.layout.nodeDir(this.plan.name), name);
  }

  /** Returns once the images can be used. */
  async startRuntime(): Promise<void> {
    this.writeFiles();
    this.containerd.start();
    const ctr = (...args: readonly string[]): Promise<unknown> =>
      run(onNode(this.plan.name, ['ctr', '--address', SOCKET, '--namespace', 'k8s.io', ...args])).then(requireSuccess);
    await waitFor(`containerd on ${this.plan.name}`, () => ctr('version').then(() => true));
    for (const archive of this.programs.images) await ctr('images', 'import', '--snapshotter', 'overlayfs', archive);
  }

  private writeFiles(): void {
    const own = (path: string): string => join(this.layout.nodeDir(this.plan.name), path);
    for (const folder of [CNI_CONFIG, STATIC_PODS]) mkdirSync(own(folder), { recursive: true });
    writeFileSync(this.file('containerd.toml'), this.containerdConfig());
    writeFileSync(this.file('kubelet.json'), JSON.stringify(this.kubeletConfig(), undefined, 2));
    writeFileSync(this.file('resolv.conf'), `nameserver ${CONTROL_PLANE.ip}\n`);
    writeFileSync(join(own(CNI_CONFIG), '10-lab.conflist'), JSON.stringify(this.podNetwork(), undefined, 2));
    const plugins = this.file('cni');
    mkdirSync(plugins);
    for (const name of ['ptp', 'loopback']) symlinkSync(join(CNI_PLUGINS, name), join(plugins, name));
    symlinkSync(this.programs.labtool, join(plugins, 'svcdoctor-ipam'));
  }

  private containerdConfig(): string {
    return `version = 2
root = "/var/lib/containerd"
state = "/run/containerd/state"
[grpc]
  address = "${SOCKET}"
[plugins."io.containerd.internal.v1.opt"]
  path = "/var/lib/containerd/opt"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "${PAUSE_IMAGE}"
  # There is no CAP_SYS_RESOURCE in many containers that a lab runs in.
  restrict_oom_score_adj = true
  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = "overlayfs"
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "${this.file('cni')}"
    conf_dir = "${CNI_CONFIG}"
`;
  }

  /** Addresses that the topology names are those of the pods of that name; others begin at .100. */
  private podNetwork(): object {
    const { name, podCidr, podCidr6 } = this.plan;
    const own = [...PODS, MOVED_POD].filter((pod) => pod.node === name);
    const ipam = {
      type: 'svcdoctor-ipam',
      ranges: [
        [{ subnet: podCidr, rangeStart: podCidr.replace(/0\/.*/, '100') }],
        [{ subnet: podCidr6, rangeStart: podCidr6.replace(/\/.*/, '1000') }],
      ],
      fixedRanges: [[{ subnet: podCidr }], [{ subnet: podCidr6 }]],
      routes: [{ dst: '0.0.0.0/0' }, { dst: '::/0' }],
      dataDir: '/var/lib/cni/networks',
      fixed: Object.fromEntries(own.map((pod) => [pod.name, [pod.ip, pod.ip6]])),
    };
    return { cniVersion: '0.4.0', name: 'lab', plugins: [{ type: 'ptp', ipMasq: false, ipam }] };
  }

  private kubeletArgv(): string[] {
    return [
      join(this.programs.kubernetes, 'kubelet'),
      `--config=${this.file('kubelet.json')}`,
      `--kubeconfig=${this.kubeconfig}`,
      `--hostname-override=${this.plan.name}`,
      `--node-ip=${this.plan.ip},${this.plan.ip6}`,
    ];
  }

  private kubeletConfig(): object {
    return {
      apiVersion: 'kubelet.config.k8s.io/v1beta1',
      kind: 'KubeletConfiguration',
      authentication: {
        anonymous: { enabled: false },
        webhook: { enabled: true },
        x509: { clientCAFile: join(this.layout.certificates, 'ca.crt') },
      },
      authorization: { mode: 'Webhook' },
      clusterDomain: CLUSTER_DOMAIN,
      clusterDNS: [DNS_SERVICE.ip],
      resolvConf: this.file('resolv.conf'),
      containerRuntimeEndpoint: `unix://${SOCKET}`,
      staticPodPath: STATIC_PODS,
      volumePluginDir: '/var/lib/kubelet/volume-plugins',
      serializeImagePulls: false,
      // So that a node without a kubelet is found within the controllers' short patience.
      nodeLeaseDurationSeconds: 16,
      // What a kubelet in a namespace of a small machine has to do without.
      failCgroupV1: false,
      cgroupDriver: 'cgroupfs',
      cgroupsPerQOS: false,
      enforceNodeAllocatable: [],
      failSwapOn: false,
      localStorageCapacityIsolation: false,
      evictionHard: { 'memory.available': '10Mi' },
      imageGCHighThresholdPercent: 100,
    };
  }
}
