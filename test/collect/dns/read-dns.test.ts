/** Reading DNS from a cluster: which pods are asked, in which zone, about what; and everything that may be in the way. */
import { connect } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ClusterConnection } from '../../../src/collect/cluster/index.ts';
import { pruneCorefile } from '../../../src/collect/dns/prune-corefile.ts';
import { questionsFor } from '../../../src/collect/dns/questions.ts';
import { readDns } from '../../../src/collect/dns/read-dns.ts';
import { parseCorefile } from '../../../src/model/corefile.ts';
import type { DnsReading } from '../../../src/model/dns.ts';
import { startFakeApi, type ApiObject, type FakeApi } from '../cluster/fake-api.ts';
import { connectionTo } from '../pods/connection.ts';
import { answered, startNameServer, type NameServer } from './name-server.ts';

const COREFILE = `.:53 {
    errors
    kubernetes corp.example in-addr.arpa ip6.arpa {
        pods insecure
        tls /a/cert /a/key /a/ca
        ttl 30
    }
    forward . /etc/resolv.conf
    etcd skydns.local {
        credentials root hunter2
    }
    cache 30 {
        disable success corp.example
    }
}
`;

let api: FakeApi;
let connection: ClusterConnection;
let server: NameServer;
/** Names the server knows, by type and name. */
let known: Record<string, string>;

beforeEach(async () => {
  api = await startFakeApi();
  known = {};
  server = await startNameServer((question) => {
    const [asked] = question.questions ?? [];
    const data = known[`${asked?.type} ${asked?.name}`];
    if (asked === undefined || data === undefined) return answered(question, [], { rcode: 3 });
    return answered(question, [{ name: asked.name, type: asked.type as 'A', ttl: 5, data }]);
  });
  connection = await connectionTo(api.url);
});

afterEach(async () => {
  await connection.close();
  await api.close();
  await server.close();
});

function pod(name: string, change: { labels?: object; ready?: boolean; ports?: object[] } = {}): ApiObject {
  const { labels = { 'k8s-app': 'kube-dns' }, ready = true } = change;
  const ports = change.ports ?? [
    { name: 'dns', containerPort: 53, protocol: 'UDP' },
    { name: 'dns-tcp', containerPort: 1053, protocol: 'TCP' },
    { name: 'metrics', containerPort: 9153, protocol: 'TCP' },
  ];
  const items = [{ key: 'Corefile', path: 'Corefile' }];
  return {
    metadata: { name, namespace: 'kube-system', labels },
    spec: { containers: [{ name: 'coredns', ports }], volumes: [{ configMap: { name: 'my-corefile', items } }] },
    status: { conditions: [{ type: 'Ready', status: ready ? 'True' : 'False' }] },
  };
}

function configMap(corefile = COREFILE): void {
  const path = '/api/v1/namespaces/kube-system/configmaps';
  api.objects.set(path, [{ metadata: { name: 'my-corefile' }, data: { Corefile: corefile } }]);
}

function pods(...items: ApiObject[]): void {
  api.objects.set('/api/v1/namespaces/kube-system/pods', items);
}

const WEB = {
  metadata: { name: 'web', namespace: 'shop' },
  spec: { type: 'ClusterIP', clusterIP: '10.96.0.20', clusterIPs: ['10.96.0.20', 'fd00::20'] },
};

async function read(services: readonly unknown[] = [WEB], port = server.port) {
  const opened: string[] = [];
  const part = await readDns({
    connection,
    services,
    open: async (pod) => {
      opened.push(`${pod.namespace}/${pod.pod}:${pod.port}`);
      return connect(port, '127.0.0.1');
    },
    signal: new AbortController().signal,
    now: () => new Date(0),
    timeoutMs: 2000,
  });
  return { ...part, reading: part.value as DnsReading, opened };
}

describe('the servers', () => {
  it('are the ready pods, at their own port; three of them are asked, all the same', async () => {
    configMap();
    pods(...['d', 'a', 'c', 'b'].map((name) => pod(name)), pod('e', { ready: false }));
    known['A web.shop.svc.corp.example'] = '10.96.0.20';
    const { reading, opened } = await read();
    expect(opened).toEqual(['a', 'b', 'c'].map((name) => `kube-system/${name}:1053`));
    expect(reading.servers).toEqual(['kube-system/a', 'kube-system/b', 'kube-system/c']);
    expect(reading.otherServers).toEqual(['kube-system/d']);
    expect(reading.answers.map(({ server: pod, type, response }) => [pod, type, response?.rcode])).toEqual(
      reading.servers.flatMap((name) => [
        [name, 'A', 'NOERROR'],
        [name, 'AAAA', 'NXDOMAIN'],
      ]),
    );
  });

  it('are found by the selector of Service kube-dns where no label tells', async () => {
    configMap();
    // This API knows no selectors: only that somebody asked with one.
    api.objects.set('/api/v1/namespaces/kube-system/services', [
      { metadata: { name: 'kube-dns' }, spec: { selector: { app: 'my-dns', tier: 'dns' } } },
    ]);
    api.fault = (request, response) => {
      if (!request.url.includes('labelSelector=app=my-dns,tier=dns')) return false;
      response.end(JSON.stringify({ kind: 'PodList', apiVersion: 'v1', metadata: {}, items: [pod('mine')] }));
      return true;
    };
    expect((await read()).reading.servers).toEqual(['kube-system/mine']);
  });

  it.each<[string, ApiObject[], string]>([
    ['none is there', [], 'no DNS pods found'],
    ['none is ready', [pod('a', { ready: false })], 'none of the 1 DNS pods is ready and has a TCP port for DNS: a'],
    ['none listens on TCP', [pod('a', { ports: [{ containerPort: 53, protocol: 'UDP' }] })], 'none of the 1 DNS pods'],
  ])('%s: nobody is asked, and that is no error', async (_, items, words) => {
    pods(...items);
    const { part, value } = await read();
    expect(part.error).toBeNull();
    expect(JSON.stringify(value)).toContain(words);
  });

  it('may not be looked for: the server says so', async () => {
    api.fault = (request, response) => {
      if (!request.url.startsWith('/api/v1/namespaces/kube-system/pods')) return false;
      response.writeHead(403, { 'content-type': 'application/json' });
      response.end(JSON.stringify({ kind: 'Status', reason: 'Forbidden', message: 'cannot list resource "pods"' }));
      return true;
    };
    expect((await read()).part.error).toContain('cannot list resource "pods"');
  });

  it('that do not answer are the error of the whole', async () => {
    configMap();
    pods(pod('a'));
    await server.close();
    const { part, value } = await read();
    expect(part.error).toMatch(/^cannot ask the cluster DNS \(kube-system\/a\): the connection broke: .*ECONNREFUSED/);
    expect(value).toBeUndefined();
  });
});

describe('the zone', () => {
  const webAnswers = ({ answers }: DnsReading): string[] => answers.map(({ name }) => name);

  it('is what the Corefile says', async () => {
    configMap();
    pods(pod('a'));
    const { reading } = await read();
    expect([reading.zone, reading.zoneFrom]).toEqual(['corp.example', "the DNS servers' Corefile"]);
    expect(webAnswers(reading)).toEqual(['web.shop.svc.corp.example', 'web.shop.svc.corp.example']);
  });

  it.each([
    ['.:53 {\n kubernetes\n}\ncluster.test:53 {\n kubernetes\n}', null],
    ['cluster.test:53 in-addr.arpa {\n kubernetes\n}', 'cluster.test'],
    ['.:53 {\n kubernetes in-addr.arpa Cluster.Test. {\n pods insecure\n }\n}', 'cluster.test'],
    ['.:53 {\n kubernetes {$CLUSTER_DOMAIN} in-addr.arpa\n}', null],
    ['.:53 {\n forward . 1.1.1.1\n}', null],
  ])('of %j is %s', async (corefile, zone) => {
    configMap(corefile);
    pods(pod('a'));
    known['A kubernetes.default.svc.cluster.local'] = '10.96.0.1';
    expect((await read()).reading.zone).toBe(zone ?? 'cluster.local');
  });

  it("is told by the name of a Service's address where there is no Corefile", async () => {
    pods(pod('a'));
    known['PTR 20.0.96.10.in-addr.arpa'] = 'web.shop.svc.Told.example';
    const { reading } = await read();
    expect(reading.zone).toBe('told.example');
    expect(reading.corefile).toBeNull();
    expect(reading.corefileError).toContain('cannot get configmaps/my-corefile in namespace "kube-system"');
  });

  it('is not what another name of that address says', async () => {
    pods(pod('a'));
    known['PTR 20.0.96.10.in-addr.arpa'] = 'other.shop.svc.told.example';
    expect((await read()).part.error).toContain("the cluster's DNS domain is not known");
  });

  it('is the usual one only if the API server has a name there', async () => {
    pods(pod('a'));
    expect((await read()).part.error).toContain('kubernetes.default.svc.cluster.local was answered with NXDOMAIN');
    known['A kubernetes.default.svc.cluster.local'] = '10.96.0.1';
    expect((await read()).reading.zone).toBe('cluster.local');
  });
});

describe('a Corefile', () => {
  it('is kept without what may be secret', () => {
    const kept = pruneCorefile(COREFILE) ?? '';
    expect(kept).not.toMatch(/hunter2|\/a\/key|resolv\.conf/);
    expect(parseCorefile(kept)?.[0]?.plugins).toEqual([
      { name: 'errors', args: [], options: [] },
      {
        name: 'kubernetes',
        args: ['corp.example', 'in-addr.arpa', 'ip6.arpa'],
        options: [['pods', 'insecure'], ['tls'], ['ttl', '30']],
      },
      { name: 'forward', args: [], options: [] },
      { name: 'etcd', args: [], options: [] },
      { name: 'cache', args: ['30'], options: [['disable', 'success', 'corp.example']] },
    ]);
  });

  it.each([
    ['a brace that is never closed', '.:53 {\n errors\n', null],
    ['a brace too many', '.:53 {\n}\n}\n', null],
    ['comments and quotes', '# x {\n.:53, "a b" { # y\n log # z }\n}\n', [['.:53', 'a b'], ['log']]],
    ['a block on one line', '. { errors\n log { class all } \n}', [['.'], ['errors', 'log']]],
    ['nothing', '', undefined],
  ])('with %s', (_, text, expected) => {
    const blocks = parseCorefile(text);
    if (expected === null) return expect(blocks).toBeNull();
    const [first] = blocks ?? [];
    expect(first === undefined ? undefined : [first.keys, first.plugins.map(({ name }) => name)]).toEqual(expected);
  });
});

describe('questions', () => {
  const service = (name: string, spec: object) => ({ metadata: { name, namespace: 'n' }, spec });
  const asked = (spec: object): string[] =>
    [questionsFor([service('s', spec)], 'z')].flatMap(({ own, targets }) =>
      [...own, ...targets].map(({ type, name }) => `${type} ${name}`),
    );

  it.each<[string, object, string[]]>([
    ['of one family', { clusterIP: '10.0.0.1' }, ['A s.n.svc.z']],
    ['of both', { clusterIP: 'fd00::1', clusterIPs: ['fd00::1', '10.0.0.1'] }, ['AAAA s.n.svc.z', 'A s.n.svc.z']],
    ['without an address yet', { clusterIP: '' }, []],
    ['headless', { clusterIP: 'None', ipFamilies: ['IPv6'] }, ['AAAA s.n.svc.z']],
    ['headless, of an old API server', { clusterIP: 'None' }, ['A s.n.svc.z', 'AAAA s.n.svc.z']],
    ['ExternalName', { type: 'ExternalName', externalName: 'x.example.' }, ['CNAME s.n.svc.z', 'A x.example']],
    ['ExternalName with an address', { type: 'ExternalName', externalName: '192.0.2.5' }, ['CNAME s.n.svc.z']],
    [
      'ExternalName that is no name',
      { type: 'ExternalName', externalName: `${'x'.repeat(64)}.y` },
      ['CNAME s.n.svc.z'],
    ],
    ['ExternalName of nothing', { type: 'ExternalName' }, ['CNAME s.n.svc.z']],
  ])('about a Service %s', (_, spec, expected) => {
    expect(asked(spec)).toEqual(expected);
  });

  it('are bounded: ExternalName first, then headless; the rest is said', () => {
    const services = [
      service('a', { clusterIP: '10.0.0.1' }),
      service('b', { clusterIP: 'None', ipFamilies: ['IPv4'] }),
      service('c', { type: 'ExternalName', externalName: 'x.example' }),
    ];
    const { own, unasked } = questionsFor(services, 'z', 2);
    expect(own.map(({ name }) => name)).toEqual(['c.n.svc.z', 'b.n.svc.z']);
    expect(unasked).toEqual(['n/a']);
  });
});
