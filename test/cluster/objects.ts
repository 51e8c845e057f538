/** The API objects of the cluster: what a kubelet and a user would have written. */
import { release } from 'node:os';
import type { Api } from './api.ts';
import { NODES, SERVICES, nodePlan } from './topology.ts';
import type { NodePlan, PodPlan, ServicePlan } from './topology.ts';

/** The nodes, with their ranges and zones. What a kubelet says of its node is not in them. */
export async function createNodes(api: Api): Promise<void> {
  await Promise.all(NODES.map((node) => createNode(api, node)));
}

/** What kubelets of this version would say, where there are none. */
export async function pretendKubelets(api: Api, kubeletVersion: string): Promise<void> {
  await Promise.all(NODES.map((node) => pretendKubelet(api, node, kubeletVersion)));
}

async function createNode(api: Api, node: NodePlan): Promise<void> {
  const labels = {
    'kubernetes.io/hostname': node.name,
    'kubernetes.io/os': 'linux',
    'topology.kubernetes.io/zone': node.zone,
  };
  const podCIDRs = [node.podCidr, node.podCidr6];
  await api.create('/api/v1/nodes', {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name: node.name, labels },
    spec: { podCIDR: node.podCidr, podCIDRs },
  });
}

async function pretendKubelet(api: Api, node: NodePlan, kubeletVersion: string): Promise<void> {
  const now = new Date().toISOString().replace(/\.\d+/, '');
  await api.patchStatus(`/api/v1/nodes/${node.name}`, {
    conditions: [
      {
        type: 'Ready',
        status: 'True',
        reason: 'KubeletReady',
        message: 'kubelet is posting ready status',
        lastHeartbeatTime: now,
        lastTransitionTime: now,
      },
    ],
    addresses: [
      { type: 'InternalIP', address: node.ip },
      { type: 'InternalIP', address: node.ip6 },
      { type: 'Hostname', address: node.name },
    ],
    nodeInfo: {
      architecture: 'amd64',
      operatingSystem: 'linux',
      kubeletVersion: `v${kubeletVersion}`,
      bootID: '',
      machineID: '',
      systemUUID: '',
      kernelVersion: release(),
      osImage: 'Debian GNU/Linux 12 (bookworm)',
      containerRuntimeVersion: '',
      kubeProxyVersion: '',
    },
  });
}

/** Pods are admitted only where their namespace has its service account, which a controller makes a little later. */
export async function createServices(api: Api): Promise<void> {
  const account = { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'default' } };
  await api.create('/api/v1/namespaces/default/serviceaccounts', account);
  await Promise.all(SERVICES.map((service) => createService(api, service)));
}

export async function createPod(api: Api, pod: PodPlan): Promise<void> {
  const ports = pod.port === undefined ? [] : [{ name: 'http', containerPort: pod.port, protocol: 'TCP' }];
  await api.create('/api/v1/namespaces/default/pods', {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: pod.name, labels: { app: pod.app } },
    spec: {
      nodeName: pod.node,
      automountServiceAccountToken: false,
      containers: [{ name: pod.app, image: `lab.invalid/${pod.app}`, ports }],
    },
  });
  const now = new Date().toISOString().replace(/\.\d+/, '');
  const condition = (type: string): object => ({ type, status: 'True', lastTransitionTime: now });
  await api.patchStatus(podPath(pod), {
    phase: 'Running',
    conditions: ['PodScheduled', 'Initialized', 'ContainersReady', 'Ready'].map(condition),
    hostIP: nodePlan(pod.node).ip,
    podIP: pod.ip,
    podIPs: [{ ip: pod.ip }, { ip: pod.ip6 }],
    startTime: now,
    containerStatuses: [
      {
        name: pod.app,
        image: `lab.invalid/${pod.app}`,
        imageID: '',
        ready: true,
        started: true,
        restartCount: 0,
        state: { running: { startedAt: now } },
      },
    ],
  });
}

export function podPath(pod: PodPlan): string {
  return `/api/v1/namespaces/default/pods/${pod.name}`;
}

async function createService(api: Api, service: ServicePlan): Promise<void> {
  const port = { name: 'http', protocol: 'TCP', port: service.port, targetPort: service.targetPort };
  const type = service.nodePort === undefined ? 'ClusterIP' : 'NodePort';
  await api.create('/api/v1/namespaces/default/services', {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: service.name },
    spec: {
      type,
      clusterIP: service.clusterIp,
      selector: { app: service.name },
      ports: [service.nodePort === undefined ? port : { ...port, nodePort: service.nodePort }],
    },
  });
}
