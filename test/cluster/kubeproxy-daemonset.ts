/** kube-proxy as kubeadm runs it: a DaemonSet in kube-system with its ConfigMap and service account. */
import { existsSync } from 'node:fs';
import type { Api } from './api.ts';
import { kubeProxyImage } from './images.ts';
import type { KubeProxy } from './machine.ts';
import { isSingleStack } from './options.ts';
import type { LabOptions } from './options.ts';
import { CONTROL_PLANE } from './topology.ts';
import { waitFor } from './wait.ts';

const NAMESPACE = 'kube-system';
const NAME = 'kube-proxy';
const CONFIG = '/var/lib/kube-proxy';
const MODULES = '/lib/modules';
const LABELS = { 'k8s-app': NAME };
/** A node with this label has no kube-proxy: how a lab takes one away that would else be started again. */
export const WITHOUT_KUBE_PROXY = 'svcdoctor.invalid/without-kube-proxy';

export async function createKubeProxy(api: Api, options: LabOptions): Promise<void> {
  const meta = { name: NAME, namespace: NAMESPACE };
  const core = `/api/v1/namespaces/${NAMESPACE}`;
  await Promise.all([
    api.create(`${core}/serviceaccounts`, { apiVersion: 'v1', kind: 'ServiceAccount', metadata: meta }),
    api.create(`${core}/configmaps`, {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { ...meta, labels: { app: NAME } },
      data: { 'config.conf': configuration(options), 'kubeconfig.conf': KUBECONFIG },
    }),
    api.create('/apis/rbac.authorization.k8s.io/v1/clusterrolebindings', {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'ClusterRoleBinding',
      metadata: { name: 'kubeadm:node-proxier' },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'system:node-proxier' },
      subjects: [{ kind: 'ServiceAccount', name: NAME, namespace: NAMESPACE }],
    }),
  ]);
  await api.create(`/apis/apps/v1/namespaces/${NAMESPACE}/daemonsets`, daemonSet(options));
}

/** As kubeadm writes it, with only what the lab sets. */
function configuration(options: LabOptions): string {
  const { masqueradeAll, markBit, clusterCidr } = options;
  const lines = [
    'apiVersion: kubeproxy.config.k8s.io/v1alpha1',
    'kind: KubeProxyConfiguration',
    'bindAddress: 0.0.0.0',
    'clientConnection:',
    `  kubeconfig: ${CONFIG}/kubeconfig.conf`,
    ...(clusterCidr === null
      ? []
      : [`clusterCIDR: ${isSingleStack(options) ? clusterCidr.split(',')[0] : clusterCidr}`]),
    // A setting of the whole machine: it cannot be written in a namespace.
    'conntrack:',
    '  maxPerCore: 0',
    'healthzBindAddress: 0.0.0.0:10256',
    'iptables:',
    `  masqueradeAll: ${masqueradeAll}`,
    `  masqueradeBit: ${markBit}`,
    'metricsBindAddress: 127.0.0.1:10249',
    'mode: iptables',
  ];
  return `${lines.join('\n')}\n`;
}

const SERVICE_ACCOUNT = '/var/run/secrets/kubernetes.io/serviceaccount';

/** At the API server's own address: Services work only once kube-proxy does. */
const KUBECONFIG = `apiVersion: v1
kind: Config
clusters:
- cluster:
    certificate-authority: ${SERVICE_ACCOUNT}/ca.crt
    server: https://${CONTROL_PLANE.ip}:${CONTROL_PLANE.port}
  name: default
contexts:
- context:
    cluster: default
    namespace: default
    user: default
  name: default
current-context: default
users:
- name: default
  user:
    tokenFile: ${SERVICE_ACCOUNT}/token
`;

function daemonSet(options: LabOptions): object {
  return {
    apiVersion: 'apps/v1',
    kind: 'DaemonSet',
    metadata: { name: NAME, namespace: NAMESPACE, labels: LABELS },
    spec: {
      selector: { matchLabels: LABELS },
      updateStrategy: { type: 'RollingUpdate' },
      template: { metadata: { labels: LABELS }, spec: podSpec(options) },
    },
  };
}

function podSpec(options: LabOptions): object {
  // Where the machine has none, containerd would make the folder.
  const modules = existsSync(MODULES) ? [{ name: 'lib-modules', hostPath: { path: MODULES } }] : [];
  const terms = [{ matchExpressions: [{ key: WITHOUT_KUBE_PROXY, operator: 'DoesNotExist' }] }];
  return {
    priorityClassName: 'system-node-critical',
    serviceAccountName: NAME,
    hostNetwork: true,
    tolerations: [{ operator: 'Exists' }],
    nodeSelector: { 'kubernetes.io/os': 'linux' },
    affinity: { nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: terms } } },
    containers: [
      {
        name: NAME,
        image: kubeProxyImage(options),
        imagePullPolicy: 'Never',
        command: ['/usr/local/bin/kube-proxy', `--config=${CONFIG}/config.conf`, '--hostname-override=$(NODE_NAME)'],
        env: [{ name: 'NODE_NAME', valueFrom: { fieldRef: { fieldPath: 'spec.nodeName' } } }],
        securityContext: { privileged: true },
        volumeMounts: [
          { name: NAME, mountPath: CONFIG },
          { name: 'xtables-lock', mountPath: '/run/xtables.lock' },
          ...modules.map(({ name }) => ({ name, mountPath: MODULES, readOnly: true })),
        ],
      },
    ],
    volumes: [
      { name: NAME, configMap: { name: NAME } },
      { name: 'xtables-lock', hostPath: { path: '/run/xtables.lock', type: 'FileOrCreate' } },
      ...modules,
    ],
  };
}

/** One node's pod of the DaemonSet, started and stopped by a label of the node. */
export class KubeProxyPod implements KubeProxy {
  private readonly api: Api;
  private readonly node: string;
  running = true;

  constructor(api: Api, node: string) {
    this.api = api;
    this.node = node;
  }

  async start(): Promise<void> {
    await this.label(null);
    this.running = true;
  }

  /** Returns once the pod is gone, and kube-proxy with it. It leaves its rules. */
  async stop(): Promise<void> {
    await this.label('');
    await waitFor(`kube-proxy's pod on ${this.node} to be gone`, async () => (await this.pods()).length === 0);
    this.running = false;
  }

  lastWords(): string {
    return `kube-proxy on ${this.node} is a pod: see its log`;
  }

  private async label(value: string | null): Promise<void> {
    const patch = { metadata: { labels: { [WITHOUT_KUBE_PROXY]: value } } };
    await this.api.send('PATCH', `/api/v1/nodes/${this.node}`, patch, 'application/merge-patch+json');
  }

  private async pods(): Promise<readonly unknown[]> {
    const query = `labelSelector=k8s-app%3D${NAME}&fieldSelector=spec.nodeName%3D${this.node}`;
    return (await this.api.get<{ items: unknown[] }>(`/api/v1/namespaces/${NAMESPACE}/pods?${query}`)).items;
  }
}
