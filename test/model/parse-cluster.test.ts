import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseCluster } from '../../src/model/parse-cluster.ts';
import type { Cluster, Endpoint, Service, ServicePort } from '../../src/model/service.ts';
import type { ClusterFile } from '../../src/model/snapshot.ts';

type Json = Record<string, unknown>;

function service(change: Json = {}, metadata: Json = {}, status: Json = {}): Json {
  return {
    metadata: { name: 'web', namespace: 'default', ...metadata },
    spec: {
      type: 'NodePort',
      clusterIP: '10.96.0.20',
      clusterIPs: ['10.96.0.20'],
      ports: [{ name: 'http', protocol: 'TCP', port: 80, targetPort: 'web', nodePort: 30_000 }],
      ...change,
    },
    status,
  };
}

function slice(change: Json = {}, metadata: Json = {}): Json {
  return {
    metadata: { name: 'web-1', namespace: 'default', labels: { 'kubernetes.io/service-name': 'web' }, ...metadata },
    addressType: 'IPv4',
    ports: [{ name: 'http', protocol: 'TCP', port: 8080 }],
    endpoints: [{ addresses: ['10.244.0.5'], conditions: { ready: true }, nodeName: 'a' }],
    ...change,
  };
}

function read(files: Partial<Record<ClusterFile, unknown>>): Cluster {
  const entries = Object.entries(files) as [ClusterFile, unknown][];
  return parseCluster(new Map(entries));
}

function readService(item: Json): { readonly service: Service | undefined; readonly notes: readonly string[] } {
  const cluster = read({ services: { items: [item] } });
  return { service: cluster.services[0], notes: cluster.notes.map((note) => `${note.where}: ${note.text}`) };
}

function readEndpoints(
  slices: readonly Json[],
  portOf = 0,
): { readonly list: readonly Endpoint[]; readonly cluster: Cluster } {
  const cluster = read({ services: { items: [service()] }, endpointslices: { items: slices } });
  const port = cluster.servicePorts[portOf];
  return { list: port === undefined ? [] : cluster.endpointsOf(port), cluster };
}

describe('a Service', () => {
  test('as the API server sends it', () => {
    const { service: parsed, notes } = readService(
      service(
        {
          type: 'LoadBalancer',
          clusterIPs: ['10.96.0.20', 'fd00::0020'],
          externalIPs: ['198.51.100.9'],
          loadBalancerSourceRanges: [' 192.0.2.0/24 ', '10.1.2.3/8', 'fd00:1::/32'],
          sessionAffinity: 'ClientIP',
          externalTrafficPolicy: 'Local',
          healthCheckNodePort: 31_234,
          selector: { app: 'web' },
        },
        { labels: { b: '2', a: '1' }, deletionTimestamp: '2026-01-01T00:00:00Z', resourceVersion: '7' },
        { loadBalancer: { ingress: [{ ip: '203.0.113.20', ipMode: 'Proxy' }, { hostname: 'lb.example' }] } },
      ),
    );
    expect(notes).toEqual([]);
    expect(parsed).toMatchObject({
      namespace: 'default',
      type: 'LoadBalancer',
      headless: false,
      clusterIPs: ['10.96.0.20', 'fd00::20'],
      externalIPs: ['198.51.100.9'],
      sourceRanges: [
        { base: '192.0.2.0', prefix: 24 },
        { base: '10.0.0.0', prefix: 8 },
        { base: 'fd00:1::', prefix: 32 },
      ],
      loadBalancerIngress: [{ ip: '203.0.113.20', ipMode: 'Proxy' }],
      loadBalancerHostnames: ['lb.example'],
      internalTrafficPolicy: 'Cluster',
      externalTrafficPolicy: 'Local',
      affinitySeconds: 10_800,
      healthCheckNodePort: 31_234,
      deleting: true,
      resourceVersion: '7',
      ports: [{ name: 'http', protocol: 'TCP', port: 80, targetPort: 'web', nodePort: 30_000 }],
    });
    expect([...(parsed?.labels.keys() ?? [])]).toEqual(['a', 'b']);
    expect(parsed?.selector?.get('app')).toBe('web');
  });

  test.each([
    ['clusterIP None', { clusterIP: 'None', clusterIPs: ['None'] }, true],
    ['an empty clusterIP', { clusterIP: '', clusterIPs: [] }, true],
    ['no clusterIP at all', { clusterIP: undefined, clusterIPs: undefined }, true],
    ['a clusterIP without clusterIPs', { clusterIPs: undefined }, false],
  ])('%s', (_, change, headless) => {
    expect(readService(service(change)).service?.headless).toBe(headless);
  });

  test('an ExternalName is not headless and has no ports of kube-proxy', () => {
    const cluster = read({
      services: { items: [service({ type: 'ExternalName', externalName: 'db.example', clusterIP: '10.96.0.9' })] },
    });
    expect(cluster.services[0]).toMatchObject({ headless: false, externalName: 'db.example' });
    expect(cluster.servicePorts).toEqual([]);
  });

  /** One odd field each: the Service stays, the field is as if absent, a note names it. */
  test.each<[string, Json, Partial<Record<keyof Service, unknown>>, string]>([
    [
      'externalIPs',
      { externalIPs: ['198.51.100.9', '300.1.1.1'] },
      { externalIPs: ['198.51.100.9'] },
      'spec.externalIPs[1]',
    ],
    ['leading zeros', { externalIPs: ['010.1.1.1'] }, { externalIPs: [] }, 'spec.externalIPs[0]'],
    ['a blank range', { loadBalancerSourceRanges: [' '] }, { sourceRanges: [] }, 'spec.loadBalancerSourceRanges[0]'],
    [
      'a range without prefix',
      { loadBalancerSourceRanges: ['10.0.0.1'] },
      { sourceRanges: [] },
      'spec.loadBalancerSourceRanges[0]',
    ],
    [
      'a mapped range',
      { loadBalancerSourceRanges: ['::ffff:10.0.0.0/104'] },
      { sourceRanges: [] },
      'spec.loadBalancerSourceRanges[0]',
    ],
    [
      'a range that is a number',
      { loadBalancerSourceRanges: [7] },
      { sourceRanges: [] },
      'spec.loadBalancerSourceRanges[0]',
    ],
    ['ports that are no list', { ports: 'http' }, { ports: [] }, 'spec.ports'],
    ['port 0', { ports: [{ name: 'http', port: 0 }] }, { ports: [] }, 'spec.ports[0].port'],
    ['a port of 70000', { ports: [{ name: 'http', port: 70_000 }] }, { ports: [] }, 'spec.ports[0].port'],
    ['no port number', { ports: [{ name: 'http' }] }, { ports: [] }, 'spec.ports[0].port'],
    ['an upper-case port name', { ports: [{ name: 'HTTP', port: 80 }] }, { ports: [] }, 'spec.ports[0].name'],
    [
      'another protocol',
      { ports: [{ name: 'a', port: 80, protocol: 'ICMP' }] },
      { ports: [] },
      'spec.ports[0].protocol',
    ],
    ['an odd type', { type: 'Internal' }, { type: 'ClusterIP' }, 'spec.type'],
    [
      'an odd policy',
      { externalTrafficPolicy: 'Global' },
      { externalTrafficPolicy: 'Cluster' },
      'spec.externalTrafficPolicy',
    ],
    ['an odd affinity', { sessionAffinity: 'Cookie' }, { affinitySeconds: null }, 'spec.sessionAffinity'],
    ['a selector with a number', { selector: { app: 'web', n: 1 } }, { name: 'web' }, 'spec.selector[n]'],
    [
      'a cluster IP that is none',
      { clusterIPs: ['10.96.0.20', 'x'] },
      { clusterIPs: ['10.96.0.20'] },
      'spec.clusterIPs[1]',
    ],
  ])('%s is set aside', (_, change, expected, where) => {
    const { service: parsed, notes } = readService(service(change));
    expect(parsed).toMatchObject(expected);
    expect(notes).toHaveLength(1);
    expect(notes[0]).toMatch(/^default\/web /);
    expect(notes[0]).toContain(`default/web ${where}: `);
  });

  test('a port name that comes twice is set aside once', () => {
    const ports = [
      { name: '', port: 80 },
      { name: '', port: 81 },
    ];
    const { service: parsed, notes } = readService(service({ ports }));
    expect(parsed?.ports.map(({ port }) => port)).toEqual([80]);
    expect(notes).toHaveLength(1);
  });

  test.each([[{ name: 'WEB' }], [{ name: undefined }], [{ name: 'a/b' }], [{ namespace: 'X' }], [{ name: 7 }]])(
    'an object called %o is set aside, and the others are there',
    (metadata) => {
      const cluster = read({ services: { items: [service({}, metadata), null, 5, service({}, { name: 'other' })] } });
      expect(cluster.services.map(({ name }) => name)).toEqual(['other']);
      expect(cluster.notes.map(({ where }) => where)).toContainEqual(expect.stringMatching(/^items\[0] metadata\./));
      expect(cluster.notes).toHaveLength(3);
    },
  );

  test('an unnamed port has no colon in its id, and both families have their port', () => {
    const ports = [{ port: 80 }];
    const cluster = read({ services: { items: [service({ ports, clusterIPs: ['fd00::20', '10.96.0.20'] })] } });
    expect(cluster.servicePorts.map(({ id, family, clusterIP }) => [id, family, clusterIP])).toEqual([
      ['default/web', 'IPv4', '10.96.0.20'],
      ['default/web', 'IPv6', 'fd00::20'],
    ]);
  });
});

describe('endpoints of slices', () => {
  test('conditions that are absent: ready and serving, not terminating', () => {
    const endpoints = [{ addresses: ['10.244.0.5', '10.244.0.6'], conditions: {} }];
    const { list } = readEndpoints([slice({ endpoints })]);
    expect(list).toEqual([
      {
        ip: '10.244.0.5',
        port: 8080,
        node: null,
        ready: true,
        serving: true,
        terminating: false,
        zoneHints: [],
        nodeHints: [],
        pod: null,
        slice: 'web-1',
      },
    ]);
  });

  test('hints and pods', () => {
    const hints = { forZones: [{ name: 'z0' }, { name: 'z1' }], forNodes: [{ name: 'a' }] };
    const pod = { kind: 'Pod', namespace: 'default', name: 'web-0' };
    const other = { ...pod, namespace: 'elsewhere' };
    const endpoints = [
      { addresses: ['10.244.0.5'], hints, targetRef: pod },
      { addresses: ['10.244.0.6'], targetRef: other },
    ];
    const { list } = readEndpoints([slice({ endpoints })]);
    expect(list[0]).toMatchObject({ zoneHints: ['z0', 'z1'], nodeHints: ['a'], pod: 'web-0' });
    expect(list[1]?.pod).toBeNull();
  });

  test.each<[string, Json, number]>([
    ['no label', { metadata: { name: 'web-1', namespace: 'default' } }, 0],
    ['FQDN', { addressType: 'FQDN' }, 0],
    ['the other family', { addressType: 'IPv6', endpoints: [{ addresses: ['fd00::1'] }] }, 0],
    ['port nil', { ports: [{ name: 'http', protocol: 'TCP' }] }, 1],
    ['port 0', { ports: [{ name: 'http', port: 0 }] }, 1],
    ['name nil', { ports: [{ port: 8080 }] }, 1],
    ['another name', { ports: [{ name: 'https', port: 8080 }] }, 0],
    ['another protocol', { ports: [{ name: 'http', port: 8080, protocol: 'UDP' }] }, 0],
    ['no ports', { ports: null }, 0],
    ['an address of the other family', { endpoints: [{ addresses: ['fd00::1'] }] }, 1],
    ['a mapped address in an IPv6 slice', { addressType: 'IPv6', endpoints: [{ addresses: ['::ffff:10.0.0.1'] }] }, 1],
    ['no address', { endpoints: [{ addresses: [] }] }, 1],
    ['endpoints that are no objects', { endpoints: ['10.244.0.5'] }, 1],
    ['an odd address type', { addressType: 'ipv4' }, 1],
  ])('%s: nothing for this port', (_, change, notes) => {
    const { list, cluster } = readEndpoints([slice(change)]);
    expect(list).toEqual([]);
    expect(cluster.notes).toHaveLength(notes);
  });

  test('conditions of a wrong type are read as absent', () => {
    const endpoints = [{ addresses: ['10.244.0.5'], conditions: { ready: 'yes' } }];
    const { list, cluster } = readEndpoints([slice({ endpoints })]);
    expect(list[0]?.ready).toBe(true);
    expect(cluster.notes).toHaveLength(1);
  });

  test('several slices, in the order of their names', () => {
    const second = slice({ endpoints: [{ addresses: ['10.244.0.1'] }] }, { name: 'web-2' });
    expect(readEndpoints([second, slice()]).list.map((one) => one.slice)).toEqual(['web-1', 'web-2']);
  });
});

describe('endpoints of Endpoints objects', () => {
  const endpoints = {
    items: [
      {
        metadata: { name: 'web', namespace: 'default' },
        subsets: [
          {
            addresses: [{ ip: '10.244.0.9', nodeName: 'a', targetRef: { kind: 'Pod', name: 'web-0' } }, { ip: 'x' }],
            notReadyAddresses: [{ ip: '10.244.0.1' }],
            ports: [{ name: 'http', port: 8080 }],
          },
        ],
      },
    ],
  };

  test('stand in when there are no slices', () => {
    const cluster = read({ services: { items: [service()] }, endpoints });
    const [port] = cluster.servicePorts;
    expect(cluster.endpointSource).toBe('endpoints');
    expect(port === undefined ? [] : cluster.endpointsOf(port)).toMatchObject([
      { ip: '10.244.0.9', port: 8080, ready: true, node: 'a', pod: 'web-0', slice: null },
      { ip: '10.244.0.1', ready: false, serving: false },
    ]);
    expect(cluster.notes).toHaveLength(1);
  });

  test('are kept beside slices, for a kube-proxy that reads them', () => {
    const cluster = read({ services: { items: [service()] }, endpoints, endpointslices: { items: [slice()] } });
    const port = cluster.servicePorts[0] as ServicePort;
    expect(cluster.endpointSource).toBe('slices');
    expect(cluster.endpointsOf(port)).toHaveLength(1);
    expect(cluster.legacyEndpointsOf(port)).toHaveLength(2);
  });

  test('not read at all is not the same as none', () => {
    const cluster = read({ services: { items: [service()] } });
    const port = cluster.servicePorts[0] as ServicePort;
    expect(cluster.endpointSource).toBe('none');
    expect(cluster.legacyEndpointsOf(port)).toBeNull();
    expect(cluster.pods).toBeNull();
  });
});

describe('nodes and pods', () => {
  test('a node', () => {
    const item = {
      metadata: { name: 'a', labels: { 'topology.kubernetes.io/zone': 'z0' } },
      spec: { podCIDR: '10.244.0.0/24', podCIDRs: ['10.244.0.0/24', 'fd00:10:168:0::/64'] },
      status: {
        addresses: [
          { type: 'ExternalIP', address: '203.0.113.1' },
          { type: 'InternalIP', address: '172.31.0.1' },
          { type: 'Hostname', address: 'a' },
        ],
        conditions: [{ type: 'Ready', status: 'False' }],
        nodeInfo: { operatingSystem: 'linux' },
      },
    };
    const cluster = read({ nodes: { items: [item, { metadata: { name: 'b' } }] } });
    expect(cluster.nodes.get('a')).toMatchObject({
      internalIPs: ['172.31.0.1'],
      addresses: ['203.0.113.1', '172.31.0.1'],
      podCIDRs: [
        { base: '10.244.0.0', prefix: 24 },
        { base: 'fd00:10:168::', prefix: 64 },
      ],
      zone: 'z0',
      ready: false,
      operatingSystem: 'linux',
      annotations: [],
    });
    expect(cluster.nodes.get('b')).toMatchObject({ addresses: [], podCIDRs: [], zone: null, ready: null });
    expect(cluster.notes).toEqual([]);
  });

  test('a pod, with the ports of its containers and sidecars', () => {
    const item = {
      metadata: { name: 'web-0', namespace: 'default', labels: { app: 'web' } },
      spec: {
        nodeName: 'a',
        hostNetwork: true,
        containers: [
          {
            name: 'c',
            ports: [
              { name: 'web', containerPort: 8080 },
              { containerPort: 53, protocol: 'UDP' },
            ],
          },
        ],
        initContainers: [
          { restartPolicy: 'Always', ports: [{ containerPort: 9000 }] },
          { ports: [{ containerPort: 1 }] },
        ],
      },
      status: { phase: 'Running', podIPs: [{ ip: '10.244.0.5' }], conditions: [{ type: 'Ready', status: 'True' }] },
    };
    expect(read({ pods: { items: [item] } }).pods).toMatchObject([
      {
        name: 'web-0',
        node: 'a',
        phase: 'Running',
        ready: true,
        deleting: false,
        ips: ['10.244.0.5'],
        hostNetwork: true,
        containerPorts: [
          { name: 'web', port: 8080, protocol: 'TCP' },
          { name: '', port: 53, protocol: 'UDP' },
          { name: '', port: 9000, protocol: 'TCP' },
        ],
      },
    ]);
  });
});

describe('a file', () => {
  test.each<[string, Partial<Record<ClusterFile, unknown>>, string]>([
    ['no object', { services: 'x' }, 'cluster/services.json: the document is "x", not a List'],
    [
      'a list without items',
      { endpointslices: { kind: 'List' } },
      'cluster/endpointslices.json: items is absent, not a list',
    ],
    [
      'a single object',
      { nodes: { kind: 'Node', metadata: { name: 'a' } } },
      'cluster/nodes.json: items is absent, not a list',
    ],
    ['items of another type', { pods: { items: {} } }, 'cluster/pods.json: items is an object, not a list'],
    ['a version that is a list', { version: [] }, 'cluster/version.json: the document is a list'],
  ])('%s is refused by name', (_, files, message) => {
    expect(() => read(files)).toThrow(message);
    expect(() => read(files)).toThrow(expect.objectContaining({ name: 'MalformedClusterFile' }));
  });

  test('items null is an empty list, as Go writes it', () => {
    expect(read({ services: { items: null } }).services).toEqual([]);
  });

  test('the version of the API server', () => {
    expect(read({ version: { gitVersion: 'v1.37.2' } }).serverVersion).toBe('v1.37.2');
    expect(read({}).serverVersion).toBeNull();
  });
});

describe('order', () => {
  const services = ['b', 'a', 'c'].flatMap((name) =>
    ['two', 'one'].map((namespace) => service({ clusterIPs: ['10.96.0.1', 'fd00::1'] }, { name, namespace })),
  );
  const slices = ['2', '1', '3'].map((number) =>
    slice(
      { endpoints: [{ addresses: [`10.244.0.${number}`] }] },
      { name: `a-${number}`, namespace: 'one', labels: { 'kubernetes.io/service-name': 'a' } },
    ),
  );

  function summary(cluster: Cluster): unknown {
    return [
      cluster.services.map(({ namespace, name }) => `${namespace}/${name}`),
      cluster.servicePorts.map((port) => [port.id, port.family, cluster.endpointsOf(port)]),
    ];
  }

  test('of objects in a file means nothing', () => {
    const straight = summary(read({ services: { items: services }, endpointslices: { items: slices } }));
    const shuffled = (items: readonly Json[]): fc.Arbitrary<readonly Json[]> =>
      fc.shuffledSubarray([...items], { minLength: items.length });
    fc.assert(
      fc.property(shuffled(services), shuffled(slices), (someServices, someSlices) => {
        const cluster = read({ services: { items: someServices }, endpointslices: { items: someSlices } });
        expect(summary(cluster)).toEqual(straight);
      }),
    );
  });

  test('whatever the JSON: parsed, or refused by file and field', () => {
    const odd = fc.oneof(
      fc.jsonValue(),
      fc.record({ items: fc.array(fc.oneof(fc.jsonValue(), fc.constantFrom(service(), slice()))) }),
    );
    fc.assert(
      fc.property(odd, odd, odd, (services, endpointslices, nodes) => {
        try {
          read({ services, endpointslices, nodes });
        } catch (error) {
          expect(error).toMatchObject({ name: 'MalformedClusterFile' });
        }
      }),
    );
  });
});
