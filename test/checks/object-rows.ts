/** Objects that cannot work, or are odd, and the checks that are to say so. */
import { analyze } from '../../src/analyze/analyze.ts';
import type { Report } from '../../src/model/report.ts';
import type { Snapshot } from '../../src/model/snapshot.ts';
import { snapshot, type ClusterSpec, type ServiceSpec } from '../build.ts';
import { DEFAULT_OPTIONS } from '../options.ts';

export function service(change: Record<string, unknown> = {}): ServiceSpec {
  return {
    name: 'web',
    spec: {
      clusterIP: '10.96.0.20',
      selector: { app: 'web' },
      ports: [{ name: 'http', port: 80, protocol: 'TCP', targetPort: 8080 }],
      ...change,
    },
  };
}

export function pod(
  name: string,
  ready: boolean,
  change: Record<string, unknown> = {},
  labels = { app: 'web' },
): unknown {
  return {
    metadata: { name, namespace: 'default', labels },
    spec: {
      nodeName: 'rain-kubernetes-1',
      containers: [{ name: 'c', ports: [{ name: 'web', containerPort: 8080, protocol: 'TCP' }] }],
    },
    status: {
      phase: 'Running',
      podIPs: [{ ip: '10.168.0.5' }],
      conditions: [{ type: 'Ready', status: ready ? 'True' : 'False' }],
      ...change,
    },
  };
}

export const SLICE = { service: 'web', port: 8080, endpoints: [['10.168.0.5', 'rain-kubernetes-1']] } as const;
const UNREADY = {
  service: 'web',
  port: 8080,
  endpoints: [['10.168.0.5', 'rain-kubernetes-1', { ready: false, serving: false, terminating: false }]],
} as const;

export function judge(spec: ClusterSpec): Report {
  return analyze(snapshot(spec), DEFAULT_OPTIONS);
}

export interface Row {
  readonly name: string;
  readonly spec: ClusterSpec;
  readonly codes: readonly string[];
  readonly exit: number;
  readonly words?: string;
}

export const ROWS: readonly Row[] = [
  {
    name: 'ready pods and their endpoints',
    spec: { services: [service()], slices: [SLICE], pods: [pod('web-1', true)] },
    codes: [],
    exit: 0,
  },
  {
    name: 'no pod matches the selector',
    spec: { services: [service()], slices: [], pods: [pod('db-1', true, {}, { app: 'db' })] },
    codes: ['SVC201'],
    exit: 1,
    words: 'app=web',
  },
  {
    name: 'only finished pods match',
    spec: { services: [service()], slices: [], pods: [pod('web-1', false, { phase: 'Succeeded' })] },
    codes: ['SVC201'],
    exit: 1,
  },
  {
    name: 'pods match and none is ready',
    spec: { services: [service()], slices: [UNREADY], pods: [pod('web-1', false)] },
    codes: ['SVC202'],
    exit: 1,
    words: 'web-1',
  },
  {
    name: 'one of two pods is ready',
    spec: { services: [service()], slices: [SLICE], pods: [pod('web-1', true), pod('web-2', false)] },
    codes: [],
    exit: 0,
  },
  {
    name: 'a named targetPort no pod has',
    spec: {
      services: [service({ ports: [{ name: 'http', port: 80, protocol: 'TCP', targetPort: 'http-alt' }] })],
      slices: [],
      pods: [pod('web-1', true)],
    },
    codes: ['SVC203'],
    exit: 1,
    words: 'http-alt',
  },
  {
    name: 'a named targetPort the pods have',
    spec: {
      services: [service({ ports: [{ name: 'http', port: 80, protocol: 'TCP', targetPort: 'web' }] })],
      slices: [SLICE],
      pods: [pod('web-1', true)],
    },
    codes: [],
    exit: 0,
  },
  {
    name: 'ExternalName',
    spec: { services: [{ name: 'db', spec: { type: 'ExternalName', externalName: 'db.example.com' } }], slices: [] },
    codes: ['SVC204'],
    exit: 0,
    words: 'db.example.com',
  },
  {
    name: 'headless',
    spec: { services: [service({ clusterIP: 'None' })], slices: [SLICE], pods: [pod('web-1', true)] },
    codes: ['SVC205'],
    exit: 0,
  },
  {
    name: 'headless, and no pod matches',
    spec: { services: [service({ clusterIP: 'None' })], slices: [], pods: [] },
    codes: ['SVC201', 'SVC205'],
    exit: 1,
  },
  {
    name: 'no selector and no slices',
    spec: { services: [service({ selector: undefined })], slices: [], pods: [] },
    codes: ['SVC206'],
    exit: 1,
    words: 'no selector',
  },
  {
    name: 'pods were not read',
    spec: { services: [service()], slices: [] },
    codes: ['SVC206'],
    exit: 1,
    words: 'pods were not read',
  },
  {
    name: 'ready pods that are no endpoints',
    spec: { services: [service()], slices: [], pods: [pod('web-1', true)] },
    codes: ['SVC206'],
    exit: 1,
  },
  {
    name: 'only terminating endpoints, which are still served',
    spec: {
      services: [service()],
      slices: [
        {
          service: 'web',
          port: 8080,
          endpoints: [['10.168.0.5', 'rain-kubernetes-1', { ready: false, serving: true, terminating: true }]],
        },
      ],
      pods: [pod('web-1', true)],
    },
    codes: [],
    exit: 0,
  },
  {
    name: 'internalTrafficPolicy Local, and endpoints on one node of three',
    spec: { services: [service({ internalTrafficPolicy: 'Local' })], slices: [SLICE], pods: [pod('web-1', true)] },
    codes: ['SVC207'],
    exit: 0,
    words: 'rain-kubernetes-2, rain-kubernetes-3',
  },
  {
    name: 'a load balancer without an address',
    spec: { services: [service({ type: 'LoadBalancer' })], slices: [SLICE], pods: [pod('web-1', true)] },
    codes: ['SVC208'],
    exit: 0,
    words: 'pending',
  },
  {
    name: 'a load balancer with a host name',
    spec: {
      services: [
        {
          ...service({ type: 'LoadBalancer' }),
          status: { loadBalancer: { ingress: [{ hostname: 'lb.example.com' }] } },
        },
      ],
      slices: [SLICE],
      pods: [pod('web-1', true)],
    },
    codes: [],
    exit: 0,
  },
  {
    name: 'two Services with the same external address and port',
    spec: {
      services: [
        service({ externalIPs: ['198.51.100.9'] }),
        { ...service({ externalIPs: ['198.51.100.9'], clusterIP: '10.96.0.21' }), name: 'web2' },
      ],
      slices: [SLICE, { ...SLICE, service: 'web2' }],
      pods: [pod('web-1', true)],
    },
    codes: ['SVC209', 'SVC209'],
    exit: 1,
    words: '198.51.100.9:80/TCP is claimed by default/web2 too',
  },
  {
    name: 'two Services with the same external address and other ports',
    spec: {
      services: [
        service({ externalIPs: ['198.51.100.9'] }),
        {
          ...service({
            externalIPs: ['198.51.100.9'],
            clusterIP: '10.96.0.21',
            ports: [{ name: 'http', port: 81, protocol: 'TCP', targetPort: 8080 }],
          }),
          name: 'web2',
        },
      ],
      slices: [SLICE, { ...SLICE, service: 'web2' }],
      pods: [pod('web-1', true)],
    },
    codes: [],
    exit: 0,
  },
  {
    name: 'an address for a name',
    spec: { services: [{ name: 'db', spec: { type: 'ExternalName', externalName: '192.0.2.5' } }], slices: [] },
    codes: ['SVC204', 'SVC210'],
    exit: 1,
    words: '192.0.2.5',
  },
  {
    name: 'an endpoint on a node that is gone',
    spec: {
      services: [service()],
      slices: [{ ...SLICE, endpoints: [...SLICE.endpoints, ['10.168.9.5', 'rain-kubernetes-9']] }],
      pods: [pod('web-1', true)],
    },
    codes: ['SVC212'],
    exit: 0,
    words: 'rain-kubernetes-9',
  },
  {
    name: 'a slice with another port name',
    spec: { services: [service()], slices: [{ ...SLICE, portName: 'web' }], pods: [pod('web-1', true)] },
    codes: ['SVC206', 'SVC214'],
    exit: 1,
    words: 'none of its ports is one of the Service',
  },
  {
    name: 'a slice of a family the Service does not have',
    spec: {
      services: [service()],
      slices: [SLICE, { ...SLICE, family: 'IPv6', endpoints: [['fd00:10:168::5', 'rain-kubernetes-1']] }],
      pods: [pod('web-1', true)],
    },
    codes: ['SVC214'],
    exit: 0,
    words: 'the Service has no IPv6 address',
  },
  {
    name: 'an endpoint in two slices',
    spec: {
      services: [service()],
      slices: [SLICE, { ...SLICE, name: 'web-again' }],
      pods: [pod('web-1', true)],
    },
    codes: ['SVC213'],
    exit: 0,
    words: 'web-again',
  },
];

/** The same cluster, read by the program itself at a known time. */
function readAt(evidence: Snapshot, time: string): Snapshot {
  const part = { file: 'endpointslices', readAt: time, resourceVersion: null, error: null } as const;
  const scope = { namespace: 'default', services: null, selector: null };
  const manifest = {
    formatVersion: 1,
    tool: 'test',
    toolVersion: 'test',
    startedAt: time,
    finishedAt: time,
    context: null,
    server: null,
    scope,
    parts: [part],
    nodes: [],
  } as const;
  return { ...evidence, manifest };
}

/** A second pod, ready since then, that stands in no slice; read on 2026-11-23 at 10:00. */
export function forgottenPod(readySince: string): Report {
  const late = pod('web-2', true, {
    podIPs: [{ ip: '10.168.1.5' }],
    conditions: [{ type: 'Ready', status: 'True', lastTransitionTime: readySince }],
  });
  const evidence = snapshot({ services: [service()], slices: [SLICE], pods: [pod('web-1', true), late] });
  return analyze(readAt(evidence, '2026-11-23T10:00:00Z'), DEFAULT_OPTIONS);
}

/** A Service without a selector, whose Endpoints object has an address that its slice lacks. */
export function unmirrored(): Report {
  const evidence = snapshot({ services: [service({ selector: undefined })], slices: [SLICE] });
  const addresses = ['10.168.0.5', '10.168.1.7'].map((ip) => ({ ip }));
  const subsets = [{ addresses, ports: [{ name: 'http', port: 8080, protocol: 'TCP' }] }];
  const endpoints = { kind: 'EndpointsList', items: [{ metadata: { name: 'web', namespace: 'default' }, subsets }] };
  return analyze(
    { ...evidence, cluster: new Map([...evidence.cluster, ['endpoints', endpoints] as const]) },
    DEFAULT_OPTIONS,
  );
}
