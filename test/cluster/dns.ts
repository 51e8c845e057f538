/** The cluster's DNS as kubeadm sets it up: CoreDNS as a Deployment, with RBAC of its own, behind the Service kube-dns. */
import type { Api } from './api.ts';
import { DNS_IMAGE } from './images.ts';
import { isReady } from './kube-pods.ts';
import type { PodList } from './kube-pods.ts';
import { CLUSTER_DOMAIN, DNS_SERVICE, OUTSIDE_DOMAIN, EXTERNAL } from './topology.ts';
import { waitFor } from './wait.ts';

const NAMESPACE = 'kube-system';
const LABELS = { 'k8s-app': 'kube-dns' };
const REPLICAS = 2;
const RBAC = 'rbac.authorization.k8s.io';

const COREFILE = `.:53 {
    errors
    health {
       lameduck 5s
    }
    ready
    kubernetes ${CLUSTER_DOMAIN} in-addr.arpa ip6.arpa {
       pods insecure
       fallthrough in-addr.arpa ip6.arpa
       ttl 30
    }
    prometheus :9153
    forward . /etc/resolv.conf {
       max_concurrent 1000
    }
    cache 30 {
       disable success ${CLUSTER_DOMAIN}
       disable denial ${CLUSTER_DOMAIN}
    }
    loop
    reload
    loadbalance
}
`;

/** The DNS outside the cluster: every name of one domain is an address, no other name is. */
export function outsideCorefile(ip: string): string {
  return `.:53 {
    bind ${ip}
    template IN A ${OUTSIDE_DOMAIN} {
       answer "{{ .Name }} 60 IN A ${EXTERNAL.ip}"
    }
    template ANY ANY {
       rcode NXDOMAIN
    }
}
`;
}

export async function createDns(api: Api): Promise<void> {
  const core = `/api/v1/namespaces/${NAMESPACE}`;
  const named = (name: string): object => ({ name, namespace: NAMESPACE });
  await Promise.all([
    api.create(`${core}/serviceaccounts`, { apiVersion: 'v1', kind: 'ServiceAccount', metadata: named('coredns') }),
    api.create(`${core}/configmaps`, {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: named('coredns'),
      data: { Corefile: COREFILE },
    }),
    api.create(`/apis/${RBAC}/v1/clusterroles`, ROLE),
    api.create(`/apis/${RBAC}/v1/clusterrolebindings`, BINDING),
    api.create(`${core}/services`, SERVICE),
  ]);
  await api.create(`/apis/apps/v1/namespaces/${NAMESPACE}/deployments`, deployment());
}

/** Returns the addresses of its pods once they answer. */
export async function waitForDns(api: Api): Promise<string[]> {
  const ips: string[] = [];
  await waitFor(
    'the pods of CoreDNS',
    async () => {
      const { items } = await api.get<PodList>(`/api/v1/namespaces/${NAMESPACE}/pods?labelSelector=k8s-app%3Dkube-dns`);
      ips.splice(0, ips.length, ...items.filter(isReady).map((pod) => pod.status.podIP ?? ''));
      return ips.length === REPLICAS;
    },
    240_000,
  );
  return ips;
}

const ROLE = {
  apiVersion: `${RBAC}/v1`,
  kind: 'ClusterRole',
  metadata: { name: 'system:coredns' },
  rules: [
    { apiGroups: [''], resources: ['endpoints', 'services', 'pods', 'namespaces'], verbs: ['list', 'watch'] },
    { apiGroups: ['discovery.k8s.io'], resources: ['endpointslices'], verbs: ['list', 'watch'] },
  ],
};

const BINDING = {
  apiVersion: `${RBAC}/v1`,
  kind: 'ClusterRoleBinding',
  metadata: { name: 'system:coredns' },
  roleRef: { apiGroup: RBAC, kind: 'ClusterRole', name: 'system:coredns' },
  subjects: [{ kind: 'ServiceAccount', name: 'coredns', namespace: NAMESPACE }],
};

const SERVICE = {
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name: DNS_SERVICE.name, namespace: NAMESPACE, labels: LABELS },
  spec: {
    clusterIP: DNS_SERVICE.ip,
    selector: LABELS,
    ports: [
      { name: 'dns', port: 53, protocol: 'UDP', targetPort: 53 },
      { name: 'dns-tcp', port: 53, protocol: 'TCP', targetPort: 53 },
      { name: 'metrics', port: 9153, protocol: 'TCP', targetPort: 9153 },
    ],
  },
};

function deployment(): object {
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'coredns', namespace: NAMESPACE, labels: LABELS },
    spec: {
      replicas: REPLICAS,
      strategy: { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: 1 } },
      selector: { matchLabels: LABELS },
      template: { metadata: { labels: LABELS }, spec: podSpec() },
    },
  };
}

function podSpec(): object {
  const apart = { labelSelector: { matchLabels: LABELS }, topologyKey: 'kubernetes.io/hostname' };
  return {
    priorityClassName: 'system-cluster-critical',
    serviceAccountName: 'coredns',
    affinity: {
      podAntiAffinity: { preferredDuringSchedulingIgnoredDuringExecution: [{ weight: 100, podAffinityTerm: apart }] },
    },
    tolerations: [{ key: 'CriticalAddonsOnly', operator: 'Exists' }],
    nodeSelector: { 'kubernetes.io/os': 'linux' },
    dnsPolicy: 'Default',
    containers: [container()],
    volumes: [
      { name: 'config-volume', configMap: { name: 'coredns', items: [{ key: 'Corefile', path: 'Corefile' }] } },
    ],
  };
}

function container(): object {
  const port = (containerPort: number, name: string, protocol = 'TCP'): object => ({ containerPort, name, protocol });
  return {
    name: 'coredns',
    image: DNS_IMAGE,
    imagePullPolicy: 'Never',
    args: ['-conf', '/etc/coredns/Corefile'],
    resources: { limits: { memory: '170Mi' }, requests: { cpu: '100m', memory: '70Mi' } },
    volumeMounts: [{ name: 'config-volume', mountPath: '/etc/coredns', readOnly: true }],
    ports: [
      port(53, 'dns', 'UDP'),
      port(53, 'dns-tcp'),
      port(9153, 'metrics'),
      port(8080, 'liveness-probe'),
      port(8181, 'readiness-probe'),
    ],
    livenessProbe: { httpGet: { path: '/health', port: 8080 }, initialDelaySeconds: 60, timeoutSeconds: 5 },
    // More often than kubeadm has it: a lab waits for it.
    readinessProbe: { httpGet: { path: '/ready', port: 8181 }, periodSeconds: 1, timeoutSeconds: 5 },
    securityContext: {
      allowPrivilegeEscalation: false,
      capabilities: { add: ['NET_BIND_SERVICE'], drop: ['ALL'] },
      readOnlyRootFilesystem: true,
    },
  };
}
