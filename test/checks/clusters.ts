import type { ProxySettings } from '../../src/kubeproxy/expectation.ts';
import type { Snapshot } from '../../src/model/snapshot.ts';
import { snapshot } from '../build.ts';

/** Clusters the tests of checks damage. */

const HOSTNAMES = {
  name: 'hostnames',
  spec: {
    type: 'NodePort',
    clusterIP: '10.111.231.44',
    externalTrafficPolicy: 'Cluster',
    selector: { app: 'hostnames' },
    ports: [{ name: 'http', port: 80, protocol: 'TCP', targetPort: 9376, nodePort: 30000 }],
  },
};

const HOSTNAMES_SLICE = {
  service: 'hostnames',
  port: 9376,
  endpoints: [
    ['10.168.0.10', 'rain-kubernetes-1'],
    ['10.168.1.12', 'rain-kubernetes-2'],
    ['10.168.2.21', 'rain-kubernetes-3'],
  ],
} as const;

const OTHER = {
  name: 'other',
  spec: {
    clusterIP: '10.111.231.45',
    selector: { app: 'other' },
    ports: [{ name: 'http', port: 80, protocol: 'TCP', targetPort: 8080 }],
  },
};

const OTHER_SLICE = { service: 'other', port: 8080, endpoints: [['10.168.2.30', 'rain-kubernetes-3']] } as const;

/** The article's Service, and a neighbour. */
export function hostnames(settings: Partial<ProxySettings> = {}): Snapshot {
  return snapshot({ services: [HOSTNAMES, OTHER], slices: [HOSTNAMES_SLICE, OTHER_SLICE], settings });
}

/** The article's Service, and one that has no rules. */
export function withHeadless(): Snapshot {
  const bare = { name: 'bare', spec: { ...OTHER.spec, clusterIP: 'None' } };
  const slice = { ...OTHER_SLICE, service: 'bare' };
  return snapshot({ services: [HOSTNAMES, OTHER, bare], slices: [HOSTNAMES_SLICE, OTHER_SLICE, slice] });
}

/** The article's Service in a list that is whole: every cluster has the Service of its API server. */
export function withKubernetes(): Snapshot {
  const ports = [{ name: 'https', port: 443, protocol: 'TCP', targetPort: 6443 }];
  const kubernetes = { name: 'kubernetes', spec: { clusterIP: '10.96.0.1', ports } };
  const slice = {
    service: 'kubernetes',
    port: 6443,
    portName: 'https',
    endpoints: [['172.31.0.10', 'rain-kubernetes-1']],
  } as const;
  return snapshot({ services: [HOSTNAMES, kubernetes], slices: [HOSTNAMES_SLICE, slice] });
}

/** Everything a load-balancer Service can have: affinity, source ranges, a health check, an external IP. */
export function loadBalancer(externalTrafficPolicy: 'Cluster' | 'Local'): Snapshot {
  const local = externalTrafficPolicy === 'Local' ? { healthCheckNodePort: 31234 } : {};
  const web = {
    name: 'web',
    spec: {
      type: 'LoadBalancer',
      clusterIP: '10.96.0.20',
      externalTrafficPolicy,
      selector: { app: 'web' },
      externalIPs: ['198.51.100.9'],
      loadBalancerSourceRanges: ['192.0.2.0/24', '203.0.113.128/25'],
      sessionAffinity: 'ClientIP',
      sessionAffinityConfig: { clientIP: { timeoutSeconds: 10_800 } },
      ports: [{ name: 'http', port: 80, protocol: 'TCP', targetPort: 8080, nodePort: 30080 }],
      ...local,
    },
    status: { loadBalancer: { ingress: [{ ip: '203.0.113.20', ipMode: 'VIP' }] } },
  };
  const endpoints = [
    ['10.168.0.5', 'rain-kubernetes-1'],
    ['10.168.1.6', 'rain-kubernetes-2'],
  ] as const;
  return snapshot({ services: [web], slices: [{ service: 'web', port: 8080, endpoints }] });
}

/** A Service whose endpoints are all gone: kube-proxy rejects it, rightly. */
export function withoutEndpoints(): Snapshot {
  return snapshot({ services: [HOSTNAMES, OTHER], slices: [OTHER_SLICE] });
}

/** Both families. */
export function dualStack(): Snapshot {
  const dual = {
    name: 'dual',
    spec: {
      type: 'NodePort',
      clusterIP: '10.96.0.30',
      clusterIPs: ['10.96.0.30', 'fd00:10:96::30'],
      ipFamilies: ['IPv4', 'IPv6'],
      externalTrafficPolicy: 'Cluster',
      selector: { app: 'dual' },
      ports: [{ name: 'http', port: 80, protocol: 'TCP', targetPort: 8080, nodePort: 30081 }],
    },
  };
  return snapshot({
    services: [dual],
    slices: [
      {
        service: 'dual',
        port: 8080,
        endpoints: [
          ['10.168.0.7', 'rain-kubernetes-1'],
          ['10.168.1.7', 'rain-kubernetes-2'],
        ],
      },
      {
        service: 'dual',
        family: 'IPv6',
        port: 8080,
        endpoints: [
          ['fd00:10:168:0::7', 'rain-kubernetes-1'],
          ['fd00:10:168:1::7', 'rain-kubernetes-2'],
        ],
      },
    ],
  });
}
