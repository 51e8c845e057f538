/** Every type of Service, and every field of one that changes what kube-proxy writes. */
import { GOING, HTTP, NOT_READY, STILL_SERVING, animal, everywhere, on, on6 } from './animals.ts';
import type { Animal, EndpointPlan, Json } from './animals.ts';

const LOCAL = { externalTrafficPolicy: 'Local' } as const;
const NODE_PORT = { type: 'NodePort' } as const;
const LOAD_BALANCER = { type: 'LoadBalancer' } as const;
const METRICS = { name: 'metrics', port: 9090, protocol: 'TCP', targetPort: 9090 } as const;

/** Ports: several, of several protocols, unnamed, of different numbers on different pods. */
const PORTS: readonly Animal[] = [
  animal('plain', { spec: {}, slices: [everywhere(100)] }),
  animal('multi', {
    spec: { ports: [HTTP, METRICS] },
    slices: [{ ...everywhere(101), ports: [target('http', 8080), target('metrics', 9090)] }],
  }),
  animal('tcp-udp', {
    spec: { ...NODE_PORT, ports: [port('dns', 53, 'UDP'), port('dns-tcp', 53, 'TCP')] },
    slices: [{ ...everywhere(102), ports: [target('dns', 53, 'UDP'), target('dns-tcp', 53)] }],
  }),
  animal('sctp', {
    spec: { ...NODE_PORT, ports: [port('sig', 5000, 'SCTP')] },
    slices: [{ ...everywhere(103), ports: [target('sig', 5000, 'SCTP')] }],
  }),
  animal('unnamed', {
    spec: { ports: [{ port: 80, protocol: 'TCP', targetPort: 8080 }] },
    slices: [{ ...everywhere(104), ports: [target('', 8080)] }],
  }),
  animal('named-target', {
    spec: { ...NODE_PORT, ports: [{ ...HTTP, targetPort: 'web' }] },
    slices: [
      { endpoints: [on(0, 105)], ports: [target('http', 8080)] },
      { endpoints: [on(1, 105), on(2, 105)], ports: [target('http', 8181)] },
    ],
  }),
  animal('a'.repeat(63), {
    spec: { ...NODE_PORT, ports: [{ ...HTTP, name: 'abcdefghijklmno' }] },
    slices: [{ ...everywhere(106), ports: [target('abcdefghijklmno', 8080)] }],
  }),
];

/** Endpoints: of several slices, outside of the cluster, not ready, going, shared, none. */
const ENDPOINTS: readonly Animal[] = [
  animal('slices', {
    spec: {},
    slices: [everywhere(110), { endpoints: [on(0, 110), { addresses: ['203.0.113.5'], conditions: {} }] }],
  }),
  animal('not-ready', { spec: {}, slices: [{ endpoints: [on(0, 111, NOT_READY), on(1, 111)] }] }),
  animal('none-ready', {
    spec: { ...NODE_PORT, externalIPs: ['198.51.100.7'] },
    slices: [{ endpoints: [on(0, 112, NOT_READY)] }],
  }),
  animal('published-not-ready', {
    spec: { publishNotReadyAddresses: true },
    slices: [{ endpoints: [on(0, 113, { ready: true, serving: false, terminating: false })] }],
  }),
  animal('terminating', { spec: {}, slices: [{ endpoints: [on(0, 114, STILL_SERVING), on(1, 114, GOING)] }] }),
  animal('terminating-some', { spec: {}, slices: [{ endpoints: [on(0, 115, STILL_SERVING), on(1, 115)] }] }),
  animal('terminating-local', {
    spec: { ...NODE_PORT, ...LOCAL },
    slices: [{ endpoints: [on(0, 116, STILL_SERVING), on(1, 116), on(2, 116, GOING)] }],
  }),
  animal('shared-a', { spec: { externalIPs: ['198.51.100.11'] }, slices: [everywhere(117)] }),
  animal('shared-b', { spec: { ports: [{ ...HTTP, port: 81 }] }, slices: [everywhere(117)] }),
  animal('nobody', { spec: { ...NODE_PORT, ...LOCAL, internalTrafficPolicy: 'Local' } }),
];

/** Kinds that have no rules. */
const WITHOUT_RULES: readonly Animal[] = [
  animal('headless', { spec: { clusterIP: 'None' }, slices: [everywhere(120)] }),
  animal('external-name', { spec: { type: 'ExternalName', externalName: 'db.example.com', ports: [] } }),
  animal('other-proxy', {
    spec: {},
    labels: { 'service.kubernetes.io/service-proxy-name': 'other' },
    slices: [everywhere(121)],
  }),
];

/** Who may be chosen: traffic policies, affinity, hints. */
const CHOICE: readonly Animal[] = [
  animal('external-local', { spec: { ...NODE_PORT, ...LOCAL }, slices: [{ endpoints: [on(0, 130), on(1, 130)] }] }),
  animal('internal-local', {
    spec: { internalTrafficPolicy: 'Local' },
    slices: [{ endpoints: [on(0, 131), on(1, 131)] }],
  }),
  animal('both-local', {
    spec: { ...NODE_PORT, ...LOCAL, internalTrafficPolicy: 'Local' },
    slices: [{ endpoints: [on(0, 132)] }],
  }),
  animal('affinity', { spec: { ...NODE_PORT, sessionAffinity: 'ClientIP' }, slices: [everywhere(133)] }),
  animal('affinity-local', {
    spec: {
      ...NODE_PORT,
      ...LOCAL,
      sessionAffinity: 'ClientIP',
      sessionAffinityConfig: { clientIP: { timeoutSeconds: 60 } },
    },
    slices: [everywhere(134)],
  }),
  animal('hints', {
    spec: { trafficDistribution: 'PreferClose' },
    annotations: { 'service.kubernetes.io/topology-mode': 'Auto' },
    slices: [{ endpoints: [hinted(on(0, 135), 'z0'), hinted(on(1, 135), 'z1'), hinted(on(2, 135), 'z0')] }],
  }),
  animal('hints-for-some', {
    spec: {},
    annotations: { 'service.kubernetes.io/topology-mode': 'Auto' },
    slices: [{ endpoints: [hinted(on(0, 136), 'z0'), on(1, 136)] }],
  }),
];

/** Addresses from outside. */
const OUTSIDE: readonly Animal[] = [
  balanced('lb', 140, {}, [{ ip: '203.0.113.20' }]),
  balanced('lb-ranges-with-nodes', 141, { loadBalancerSourceRanges: ['192.0.2.0/24', '172.31.0.0/24'] }, [
    { ip: '203.0.113.21' },
  ]),
  balanced('lb-ranges-two-ips', 142, { loadBalancerSourceRanges: ['192.0.2.0/25', '198.51.100.0/24'] }, [
    { ip: '203.0.113.22' },
    { ip: '203.0.113.23' },
  ]),
  balanced('lb-ranges-everybody', 143, { loadBalancerSourceRanges: ['0.0.0.0/0'] }, [{ ip: '203.0.113.24' }]),
  balanced('lb-ranges-six-only', 144, { loadBalancerSourceRanges: ['2001:db8::/64'] }, [{ ip: '203.0.113.25' }]),
  balanced('lb-local', 145, LOCAL, [{ ip: '203.0.113.26' }]),
  balanced('lb-mode-proxy', 146, {}, [{ ip: '203.0.113.27', ipMode: 'Proxy' }]),
  balanced('lb-hostname', 147, {}, [{ hostname: 'lb.example.com' }]),
  balanced('lb-no-node-ports', 148, { allocateLoadBalancerNodePorts: false }, [{ ip: '203.0.113.28' }]),
  balanced('lb-class', 149, { loadBalancerClass: 'example.com/lb' }, [{ ip: '203.0.113.29' }]),
  animal('lb-pending', { spec: LOAD_BALANCER, slices: [everywhere(150)] }),
  animal('lb-local-two-ports', {
    spec: { ...LOAD_BALANCER, ...LOCAL, ports: [HTTP, METRICS] },
    slices: [{ ...everywhere(151), ports: [target('http', 8080), target('metrics', 9090)] }],
    ingress: [{ ip: '203.0.113.30' }],
  }),
  animal('lb-without-endpoints', {
    spec: { ...LOAD_BALANCER, externalIPs: ['198.51.100.12'] },
    ingress: [{ ip: '203.0.113.31' }],
  }),
  balanced(
    'lb-everything',
    152,
    {
      ...LOCAL,
      externalIPs: ['198.51.100.13'],
      sessionAffinity: 'ClientIP',
      loadBalancerSourceRanges: ['192.0.2.0/24', '203.0.113.128/25'],
    },
    [{ ip: '203.0.113.32' }, { ip: '203.0.113.33' }],
  ),
  animal('external-ips', { spec: { externalIPs: ['198.51.100.9', 'fd00:db8::9'] }, slices: [everywhere(153)] }),
  animal('external-ips-local', { spec: { ...LOCAL, externalIPs: ['198.51.100.10'] }, slices: [everywhere(154)] }),
];

/** IPv6, alone and beside IPv4. */
const SIX: readonly Animal[] = [
  animal('dual', {
    spec: { ...NODE_PORT, ipFamilyPolicy: 'RequireDualStack' },
    slices: [everywhere(160), { family: 'IPv6', endpoints: [on6(0, 160), on6(1, 160)] }],
  }),
  animal('dual-one-sided', {
    spec: { ...NODE_PORT, ipFamilyPolicy: 'RequireDualStack' },
    slices: [everywhere(161)],
  }),
  animal('six', {
    spec: { ...NODE_PORT, ...onlySix(), sessionAffinity: 'ClientIP' },
    slices: [{ family: 'IPv6', endpoints: [on6(0, 162), on6(2, 162)] }],
  }),
  animal('six-local', {
    spec: { ...NODE_PORT, ...onlySix(), ...LOCAL },
    slices: [{ family: 'IPv6', endpoints: [on6(0, 163)] }],
  }),
  animal('six-lb', {
    spec: { ...LOAD_BALANCER, ...onlySix(), loadBalancerSourceRanges: ['2001:db8::/64'] },
    slices: [{ family: 'IPv6', endpoints: [on6(1, 164), on6(2, 164)] }],
    ingress: [{ ip: '2001:db8:1::20' }],
  }),
];

export const ANIMALS: readonly Animal[] = [...PORTS, ...ENDPOINTS, ...WITHOUT_RULES, ...CHOICE, ...OUTSIDE, ...SIX];

/** With it a cluster has more than a thousand endpoints, and kube-proxy leaves comments and unneeded chains away. */
export const CROWD = animal('crowd', {
  spec: NODE_PORT,
  slices: [0, 1].map((part) => ({
    endpoints: Array.from({ length: 505 }, (_, index) => crowdMember(part * 505 + index)),
  })),
});

/** In a range of their own: the pods of three nodes fit into three /24, these do not. */
function crowdMember(index: number): EndpointPlan {
  return { ...on(index % 3, 0), addresses: [`10.168.${100 + Math.floor(index / 250)}.${1 + (index % 250)}`] };
}

function port(name: string, number: number, protocol: string): Json {
  return { name, port: number, protocol, targetPort: number };
}

function target(name: string, number: number, protocol = 'TCP'): Json {
  return { name, port: number, protocol };
}

function hinted(endpoint: EndpointPlan, zone: string): EndpointPlan {
  return { ...endpoint, hints: { forZones: [{ name: zone }] } };
}

function onlySix(): Json {
  return { ipFamilies: ['IPv6'], ipFamilyPolicy: 'SingleStack' };
}

function balanced(name: string, host: number, spec: Json, ingress: readonly Json[]): Animal {
  return animal(name, { spec: { ...LOAD_BALANCER, ...spec }, slices: [everywhere(host)], ingress });
}
