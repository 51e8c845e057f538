import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  connectCluster,
  listAll,
  readCluster,
  RESOURCES,
  UnknownServiceError,
} from '../../../src/collect/cluster/index.ts';
import type { ClusterConnection, ClusterRead, ClusterReading } from '../../../src/collect/cluster/index.ts';
import { sendStatus, startFakeApi } from './fake-api.ts';
import type { ApiObject, FakeApi } from './fake-api.ts';
import { failureOf, kubeconfig, scratchFolder } from './lab.ts';

const scratch = scratchFolder();
afterAll(() => scratch.remove());

let api: FakeApi;
let connection: ClusterConnection;
beforeEach(async () => {
  api = await startFakeApi();
  scratch.write('config', kubeconfig(api.url));
  connection = await connectCluster({ kubeconfig: 'config' }, scratch.environment());
});
afterEach(async () => {
  await connection.close();
  await api.close();
});

const TRACES = {
  managedFields: [{}],
  annotations: { 'kubectl.kubernetes.io/last-applied-configuration': '{}', kept: 'yes' },
};

function service(
  name: string,
  namespace = 'default',
  spec: Record<string, unknown> = { selector: { app: name } },
): ApiObject {
  return { metadata: { name, namespace, labels: { tier: name.slice(0, 1) }, ...TRACES }, spec };
}

function slice(of: string, namespace = 'default'): ApiObject {
  return { metadata: { name: `${of}-abc`, namespace, labels: { 'kubernetes.io/service-name': of } }, endpoints: [] };
}

function pod(name: string, app: string, namespace = 'default'): ApiObject {
  const secret = {
    env: [{ name: 'PASSWORD', value: 'hunter2' }],
    args: ['--password=hunter2'],
    command: ['hunter2'],
    envFrom: [{ secretRef: { name: 'hunter2' } }],
    lifecycle: { postStart: { exec: { command: ['hunter2'] } } },
    livenessProbe: { exec: { command: ['hunter2'] } },
    readinessProbe: { periodSeconds: 5, httpGet: { port: 80, httpHeaders: [{ name: 'A', value: 'hunter2' }] } },
  };
  return {
    metadata: { name, namespace, labels: { app }, annotations: { token: 'hunter2' } },
    spec: {
      nodeName: 'n1',
      volumes: [{ name: 'v', secret: { secretName: 'hunter2' } }],
      containers: [{ name: 'c', image: 'i:1', ports: [{ name: 'http', containerPort: 80 }], ...secret }],
    },
    status: {
      phase: 'Running',
      podIPs: [{ ip: '10.0.0.1' }],
      containerStatuses: [
        { name: 'c', ready: true, lastState: { terminated: { reason: 'Error', message: 'hunter2' } } },
      ],
    },
  };
}

/** Two namespaces, three Services, one node, a kubeadm kube-proxy. */
function fill(): void {
  const namespaced = (group: string, plural: string, items: ApiObject[]): void => {
    for (const item of items) {
      const path = `${group}/namespaces/${String(item.metadata['namespace'])}/${plural}`;
      api.objects.set(path, [...(api.objects.get(path) ?? []), item]);
    }
  };
  namespaced('/api/v1', 'services', [
    service('hostnames'),
    service('web'),
    service('hostnames', 'prod'),
    service('db', 'prod'),
  ]);
  const slices = [slice('hostnames'), slice('web'), slice('hostnames', 'prod')];
  namespaced('/apis/discovery.k8s.io/v1', 'endpointslices', slices);
  namespaced('/api/v1', 'endpoints', [service('hostnames', 'default', {}), service('web', 'default', {})]);
  namespaced('/api/v1', 'pods', [pod('h-0', 'hostnames'), pod('w-0', 'web'), pod('other', 'other')]);
  api.objects.set(
    '/api/v1/namespaces',
    ['default', 'prod', 'kube-system', 'empty'].map((name) => ({ metadata: { name } })),
  );
  api.objects.set('/api/v1/nodes', [
    { metadata: { name: 'n1', ...TRACES }, spec: { podCIDR: '10.0.0.0/24' }, status: { images: [{}], addresses: [] } },
  ]);
  namespaced('/api/v1', 'configmaps', [
    {
      metadata: { name: 'kube-proxy', namespace: 'kube-system' },
      data: { 'config.conf': 'mode: iptables', 'kubeconfig.conf': 'hunter2' },
    },
  ]);
  namespaced('/api/v1', 'pods', [
    {
      metadata: { name: 'kube-proxy-x', namespace: 'kube-system', labels: { 'k8s-app': 'kube-proxy' } },
      spec: {
        containers: [
          { name: 'kube-proxy', image: 'kube-proxy:v1.37.2', args: ['--v=2'], command: ['kube-proxy'], env: [{}] },
        ],
      },
    },
    {
      metadata: { name: 'coredns', namespace: 'kube-system' },
      spec: { containers: [{ name: 'coredns', image: 'coredns:1' }] },
    },
  ]);
  api.objects.set('/apis/apps/v1/namespaces/kube-system/daemonsets', [
    {
      metadata: { name: 'kube-proxy', namespace: 'kube-system' },
      spec: { template: { spec: { containers: [{ name: 'kube-proxy', args: ['-a'], env: [{}] }] } } },
    },
  ]);
}

const ALL: ClusterRead = { namespace: 'default', names: null, selector: null };
const NAMED: ClusterRead = { namespace: 'default', names: ['hostnames'], selector: null };

function namesIn(
  reading: ClusterReading,
  file: 'services' | 'endpointslices' | 'endpoints' | 'pods' | 'kube-proxy',
): string[] {
  const value: unknown = reading.cluster.get(file);
  const items: unknown = typeof value === 'object' && value !== null && 'items' in value ? value.items : [];
  return Array.isArray(items) ? items.map((item: ApiObject) => item.metadata.name).sort() : [];
}

function refuse(part: RegExp, status = 403): void {
  api.fault = ({ url }, response) => {
    if (!part.test(url)) return false;
    sendStatus(response, status, 'Forbidden', `${url.split('?')[0] ?? ''} is forbidden: User "x" cannot`);
    return true;
  };
}

describe('reading the cluster', () => {
  beforeEach(fill);

  it('for one Service asks for what belongs to it', async () => {
    const reading = await readCluster(connection, NAMED);
    expect(namesIn(reading, 'services')).toEqual(['hostnames']);
    expect(namesIn(reading, 'endpointslices')).toEqual(['hostnames-abc']);
    expect(namesIn(reading, 'endpoints')).toEqual(['hostnames']);
    expect(namesIn(reading, 'pods')).toEqual(['h-0']);
    expect(reading.scope).toEqual({ namespace: 'default', services: ['default/hostnames'], selector: null });
    expect(reading).toMatchObject({ context: 'lab', namespace: 'team', server: api.url });
    expect(reading.parts.map(({ file, error }) => [file, error])).toEqual(
      ['version', 'services', 'endpointslices', 'endpoints', 'nodes', 'pods', 'kube-proxy'].map((file) => [file, null]),
    );
    expect(api.seen.map(({ url }) => url)).toContain(
      '/apis/discovery.k8s.io/v1/namespaces/default/endpointslices?labelSelector=kubernetes.io/service-name+in+(hostnames)&limit=500',
    );
    expect(api.seen.every(({ method }) => method === 'GET')).toBe(true);
  });

  it('for a namespace takes all of it, for all namespaces all of them', async () => {
    const one = await readCluster(connection, ALL);
    expect(namesIn(one, 'services')).toEqual(['hostnames', 'web']);
    expect(namesIn(one, 'endpointslices')).toEqual(['hostnames-abc', 'web-abc']);
    expect(namesIn(one, 'pods')).toEqual(['h-0', 'w-0']);
    expect(one.scope).toEqual({ namespace: 'default', services: null, selector: null });
    expect(one.parts.find(({ file }) => file === 'services')?.resourceVersion).toBe('100');
    const every = await readCluster(connection, { ...ALL, namespace: null });
    expect(namesIn(every, 'services')).toEqual(['db', 'hostnames', 'hostnames', 'web']);
  });

  it('for a label selector keeps what belongs to the Services it selects', async () => {
    const reading = await readCluster(connection, { namespace: null, names: null, selector: 'tier=h' });
    expect(reading.scope).toEqual({
      namespace: null,
      services: ['default/hostnames', 'prod/hostnames'],
      selector: 'tier=h',
    });
    expect(namesIn(reading, 'endpointslices')).toEqual(['hostnames-abc', 'hostnames-abc']);
    expect(namesIn(reading, 'endpoints')).toEqual(['hostnames']);
  });

  it('keeps no secret, no environment and no bookkeeping', async () => {
    const { cluster } = await readCluster(connection, ALL);
    const all = JSON.stringify([...cluster]);
    for (const word of ['hunter2', 'managedFields', 'last-applied', '"env"', '"images"'])
      expect(all).not.toContain(word);
    expect(all).toContain('"kept":"yes"');
    expect(cluster.get('pods')).toMatchObject({
      items: [
        {
          spec: {
            nodeName: 'n1',
            containers: [{ ports: [{ name: 'http' }], readinessProbe: { httpGet: { port: 80 } } }],
          },
          status: {
            podIPs: [{ ip: '10.0.0.1' }],
            containerStatuses: [{ ready: true, lastState: { terminated: { reason: 'Error' } } }],
          },
        },
        {},
      ],
    });
  });

  it('keeps the settings of kube-proxy', async () => {
    const { cluster } = await readCluster(connection, NAMED);
    expect(cluster.get('kube-proxy')).toEqual({
      apiVersion: 'v1',
      kind: 'List',
      metadata: { resourceVersion: '' },
      items: [
        {
          apiVersion: 'v1',
          kind: 'ConfigMap',
          metadata: { name: 'kube-proxy', namespace: 'kube-system' },
          data: { 'config.conf': 'mode: iptables' },
        },
        {
          apiVersion: 'apps/v1',
          kind: 'DaemonSet',
          metadata: { name: 'kube-proxy', namespace: 'kube-system' },
          spec: {
            template: { spec: { containers: [{ name: 'kube-proxy', args: ['-a'] }] } },
          },
        },
        {
          apiVersion: 'v1',
          kind: 'Pod',
          metadata: { name: 'kube-proxy-x', namespace: 'kube-system', labels: { 'k8s-app': 'kube-proxy' } },
          spec: {
            containers: [{ name: 'kube-proxy', image: 'kube-proxy:v1.37.2', args: ['--v=2'], command: ['kube-proxy'] }],
          },
        },
      ],
    });
  });

  it('finds kube-proxy pods without its usual labels, and no others', async () => {
    const pods = api.objects.get('/api/v1/namespaces/kube-system/pods') ?? [];
    for (const each of pods) delete each.metadata['labels'];
    expect(namesIn(await readCluster(connection, NAMED), 'kube-proxy')).toEqual([
      'kube-proxy',
      'kube-proxy',
      'kube-proxy-x',
    ]);
  });

  it('without kube-proxy has an empty List: looked, and not there', async () => {
    for (const path of api.objects.keys()) if (path.includes('kube-system')) api.objects.delete(path);
    const reading = await readCluster(connection, NAMED);
    expect(reading.cluster.get('kube-proxy')).toMatchObject({ items: [] });
    expect(reading.parts.find(({ file }) => file === 'kube-proxy')?.error).toBeNull();
  });

  it.each([
    ['pods', /default\/pods/, 'cannot list pods in namespace "default": Error from server (Forbidden):', false],
    ['version', /^\/version/, 'cannot get /version: Error from server (Forbidden):', false],
    ['kube-proxy', /configmaps/, 'cannot get configmaps/kube-proxy in namespace "kube-system": Error', true],
    [
      'endpoints',
      /\/endpoints\//,
      'cannot get endpoints in namespace "default": Error from server (Forbidden):',
      false,
    ],
    ['endpointslices', /slices/, 'cannot list endpointslices.discovery.k8s.io in namespace "default": Error', false],
  ])('goes on without %s and says why', async (file, part, error, kept) => {
    refuse(part);
    const reading = await readCluster(connection, NAMED);
    const found = reading.parts.find((each) => each.file === file);
    expect(found?.error).toContain(error);
    expect([...reading.cluster.keys()].includes(found?.file ?? 'events')).toBe(kept);
  });

  it('goes on with Endpoints when the server has no EndpointSlices', async () => {
    api.fault = ({ url }, response) => {
      if (!url.includes('discovery')) return false;
      response.writeHead(404, { 'content-type': 'text/plain' }).end('404 page not found\n');
      return true;
    };
    const reading = await readCluster(connection, NAMED);
    expect(namesIn(reading, 'endpoints')).toEqual(['hostnames']);
    expect(reading.cluster.has('endpointslices')).toBe(false);
  });

  it.each([
    ['services', /\/services/, 'Error from server (Forbidden):'],
    ['nodes', /\/nodes/, 'cannot list nodes: Error from server (Forbidden):'],
    ['endpoints of either kind', /endpoint/, 'cannot list endpointslices.discovery.k8s.io in namespace "default"'],
  ])('stops without %s', async (_, part, message) => {
    refuse(part);
    const error = await failureOf(readCluster(connection, NAMED));
    expect(error.message).toContain(message);
    expect(error.suggestion).toContain('kubectl auth can-i');
  });

  it('stops when nobody is logged in, whatever was asked first', async () => {
    api.fault = (_, response) => {
      sendStatus(response, 401, 'Unauthorized', 'Unauthorized');
      return true;
    };
    expect((await failureOf(readCluster(connection, ALL))).message).toContain('You must be logged in');
  });

  it('stops when it is told to', async () => {
    api.fault = ({ url }) => url.includes('pods');
    const reason = new Error('stopped');
    const controller = new AbortController();
    const reading = readCluster(connection, ALL, controller.signal);
    setTimeout(() => controller.abort(reason), 50);
    await expect(reading).rejects.toBe(reason);
  });

  it('reads 30 named Services of a namespace by one list', async () => {
    const names = Array.from({ length: 30 }, (_, n) => `s-${n}`);
    const path = '/api/v1/namespaces/default/services';
    api.objects.set(path, [...(api.objects.get(path) ?? []), ...names.map((name) => service(name))]);
    const reading = await readCluster(connection, { namespace: 'default', names, selector: null });
    expect(reading.scope.services).toHaveLength(30);
    expect(namesIn(reading, 'endpointslices')).toEqual([]);
    expect(api.seen.filter(({ url }) => url.includes('endpointslices')).map(({ url }) => url)).toEqual([
      '/apis/discovery.k8s.io/v1/namespaces/default/endpointslices?limit=500',
    ]);
    expect(api.seen.filter(({ url }) => /default\/pods/.test(url))).toHaveLength(1);
  });
});

describe('a name that does not exist', () => {
  beforeEach(fill);

  it('is answered with the names that do', async () => {
    const error = await failureOf(readCluster(connection, { ...NAMED, names: ['hostname'] }));
    expect(error).toBeInstanceOf(UnknownServiceError);
    expect(error.message).toBe('services "hostname" not found in namespace "default"; did you mean "hostnames"?');
    expect(error).toMatchObject({ exitCode: 2, nearMatches: ['hostnames'], services: ['hostname'] });
  });

  it('is answered with the namespaces that have it', async () => {
    const error = await failureOf(readCluster(connection, { ...NAMED, names: ['db', 'web'] }));
    expect(error.message).toBe('services "db" not found in namespace "default"');
    expect(error).toMatchObject({ otherNamespaces: ['prod'], services: ['db'] });
    expect(error.suggestion).toBe('There is one in "prod": add -n prod');
  });

  it('is answered even when nothing may be listed', async () => {
    refuse(/services(\?|$)|namespaces(\/[a-z]+)?(\?|$)/);
    const error = await failureOf(readCluster(connection, { ...NAMED, names: ['hostname'] }));
    expect(error.message).toBe('services "hostname" not found in namespace "default"');
    expect(error.suggestion).toBe('kubectl get services -n default');
  });

  it.each(['../nodes', 'a,b', 'UPPER', '', 'a b', 'x'.repeat(64), 'a)'])('such as %j is never sent', async (name) => {
    const error = await failureOf(readCluster(connection, { ...NAMED, names: [name] }));
    expect(error).toBeInstanceOf(UnknownServiceError);
    expect(api.seen.some(({ url }) => name !== '' && url.includes(name))).toBe(false);
  });

  it.each([
    [{ ...NAMED, namespace: 'defualt' }, 'namespaces "defualt" not found; did you mean "default"?'],
    [{ ...ALL, namespace: 'prodd' }, 'namespaces "prodd" not found; did you mean "prod"?'],
    [{ ...ALL, namespace: '../x' }, 'namespaces "../x" not found'],
  ])('may be that of the namespace: %j', async (request, message) => {
    expect((await failureOf(readCluster(connection, request))).message).toBe(message);
  });

  it('is not an empty namespace', async () => {
    expect(namesIn(await readCluster(connection, { ...ALL, namespace: 'empty' }), 'services')).toEqual([]);
  });

  it('needs a namespace', async () => {
    const error = await failureOf(readCluster(connection, { ...NAMED, namespace: null }));
    expect(error.message).toBe('a resource cannot be retrieved by name across all namespaces');
  });
});

function all(): ReturnType<typeof listAll> {
  return listAll(connection, RESOURCES.nodes, { namespace: null });
}

describe('a list', () => {
  const nodes = Array.from({ length: 1200 }, (_, n): ApiObject => ({ metadata: { name: `n-${n}` } }));
  beforeEach(() => {
    api.objects.set('/api/v1/nodes', nodes);
  });

  it('is read in pages and put together', async () => {
    const list = await all();
    expect(list.items).toEqual(nodes);
    expect(list).toMatchObject({ apiVersion: 'v1', kind: 'NodeList', metadata: { resourceVersion: '100' } });
    expect(list.metadata).toEqual({ resourceVersion: '100' });
    expect(api.seen.map(({ url }) => url)).toEqual([
      '/api/v1/nodes?limit=500',
      '/api/v1/nodes?limit=500&continue=500',
      '/api/v1/nodes?limit=500&continue=1000',
    ]);
  });

  it('that the server forgets between pages is read again in one piece', async () => {
    api.fault = ({ url }, response) => {
      if (!url.includes('continue=1000')) return false;
      sendStatus(response, 410, 'Expired', 'The provided continue parameter is too old');
      return true;
    };
    expect((await all()).items).toEqual(nodes);
    expect(api.seen.at(-1)?.url).toBe('/api/v1/nodes');
  });

  it('that is expired from the start is an error', async () => {
    refuse(/nodes/, 410);
    expect((await failureOf(all())).status).toBe(410);
    expect(api.seen).toHaveLength(1);
  });

  it.each([
    ['{"kind":"Status"}', 'kind "Status", not "NodeList"'],
    ['{"kind":"PodList","items":[]}', 'kind "PodList", not "NodeList"'],
    ['{}', 'kind "", not "NodeList"'],
  ])('that is %s is refused', async (body, message) => {
    api.fault = (_, response) => {
      response.writeHead(200, { 'content-type': 'application/json' }).end(body);
      return true;
    };
    expect((await failureOf(all())).message).toContain(message);
  });
});
