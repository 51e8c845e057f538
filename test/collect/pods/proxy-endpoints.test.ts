/** kube-proxy's own answers, through a real WebSocket to a real HTTP server that answers as kube-proxy does, or does not. */
import { createServer, type Server, type ServerResponse } from 'node:http';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ClusterConnection, ClusterReading } from '../../../src/collect/cluster/index.ts';
import { readProxyEndpoints, type ProxyReading } from '../../../src/collect/pods/proxy-endpoints.ts';
import { readProxies, withProxy } from '../../../src/collect/pods/read-proxies.ts';
import type { NodeRead } from '../../../src/collect/read-nodes.ts';
import { startFakeApi, type FakeApi } from '../cluster/fake-api.ts';
import { connectionTo } from './connection.ts';
import { forward } from './kubelet.ts';

const METRICS = `# HELP go_goroutines Number of goroutines.
go_goroutines 52
# HELP kubeproxy_sync_proxy_rules_last_timestamp_seconds [ALPHA] The last time proxy rules were successfully synced
# TYPE kubeproxy_sync_proxy_rules_last_timestamp_seconds gauge
kubeproxy_sync_proxy_rules_last_timestamp_seconds{ip_family="IPv4"} 1.79e+09
kubeproxy_sync_proxy_rules_duration_seconds_bucket{ip_family="IPv4",le="0.001"} 0
kubeproxy_sync_proxy_rules_duration_seconds_count{ip_family="IPv4"} 3
kubernetes_build_info{git_version="v1.37.2"} 1
process_start_time_seconds 1.79e+09
rest_client_requests_total{code="200"} 7
`;

type Answer = (path: string, response: ServerResponse) => void;

let api: FakeApi;
let connection: ClusterConnection;
const servers: Server[] = [];

beforeEach(async () => {
  api = await startFakeApi();
  connection = await connectionTo(api.url, 2000);
});

afterEach(async () => {
  await connection.close();
  await api.close();
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    server.close();
  }
});

async function serve(answer: Answer): Promise<number> {
  const server = createServer((request, response) => answer(request.url ?? '', response));
  servers.push(server);
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const address = server.address();
  return typeof address === 'object' && address !== null ? address.port : 0;
}

/** As kube-proxy answers on 10249. */
const metrics: Answer = (path, response) => {
  const bodies: Record<string, string> = { '/proxyMode': 'iptables', '/metrics': METRICS, '/configz': '{"a":{}}' };
  response.statusCode = bodies[path] === undefined ? 404 : 200;
  response.end(bodies[path]);
};

const healthy: Answer = (_, response) => response.end('{"healthy":true}');

async function read(onMetrics: Answer = metrics, onHealth: Answer = healthy): Promise<ProxyReading> {
  const ports = { 10_249: await serve(onMetrics), 10_256: await serve(onHealth) };
  api.talk = (socket, { url }) => forward(socket, url, ports);
  return ask();
}

const ask = async (): Promise<ProxyReading> =>
  readProxyEndpoints(
    connection,
    { namespace: 'kube-system', name: 'kube-proxy-1' },
    { signal: new AbortController().signal, now: () => performance.now(), timeoutMs: 1500 },
  );

describe('what kube-proxy says of itself', () => {
  it('is kept, each in its file, and the rest of the metrics is not', async () => {
    const { files, commands } = await read();
    expect(Object.fromEntries(files)).toEqual({
      'kube-proxy-proxyMode.txt': 'iptables',
      'kube-proxy-configz.txt': '{"a":{}}',
      'kube-proxy-healthz.txt': 'HTTP 200\n{"healthy":true}',
      'kube-proxy-metrics.txt': `${METRICS.split('\n')
        .filter((line) => /kubeproxy|build_info|start_time/.test(line) && !line.includes('_bucket'))
        .join('\n')}\n`,
    });
    expect(commands.map(({ argv, code, file }) => [argv.join(' '), code, file])).toEqual([
      ['GET http://127.0.0.1:10249/proxyMode', 0, 'kube-proxy-proxyMode.txt'],
      ['GET http://127.0.0.1:10249/metrics', 0, 'kube-proxy-metrics.txt'],
      ['GET http://127.0.0.1:10249/configz', 0, 'kube-proxy-configz.txt'],
      ['GET http://127.0.0.1:10256/healthz', 0, 'kube-proxy-healthz.txt'],
    ]);
  });

  it('is that it is not healthy', async () => {
    const { files } = await read(metrics, (_, response) => {
      response.statusCode = 503;
      response.end('{"healthy":false}');
    });
    expect(files.get('kube-proxy-healthz.txt')).toBe('HTTP 503\n{"healthy":false}');
  });

  it.each<[string, Answer, string]>([
    ['answers something else', (_, response) => void response.writeHead(404).end('nothing here'), 'status 404'],
    ['ends in the middle', (_, response) => (response.write('ipt'), response.socket?.end()), 'aborted'],
    ['is no HTTP server', (_, response) => void response.socket?.end('SSH-2.0-OpenSSH\r\n'), 'Parse Error'],
    ['says nothing', () => undefined, 'no answer within 1.5 s'],
  ])('%s: that is recorded, and costs nothing else', async (_, answer, words) => {
    const { files, commands, forbidden } = await read((path, response) =>
      path === '/proxyMode' ? answer(path, response) : metrics(path, response),
    );
    expect(commands[0]?.file).toBeNull();
    expect(commands[0]?.stderr).toContain(words);
    expect([...files.keys()].toSorted()).toEqual([
      'kube-proxy-configz.txt',
      'kube-proxy-healthz.txt',
      'kube-proxy-metrics.txt',
    ]);
    expect(forbidden).toBe(false);
  });

  it('is nothing where nobody listens: the kubelet says so', async () => {
    api.talk = (socket, { url }) => forward(socket, url, {});
    const { files, commands } = await ask();
    expect(files.size).toBe(0);
    expect(commands.map(({ code }) => code)).toEqual([null, null, null, null]);
    expect(commands[0]?.stderr).toMatch(/^error forwarding port 10249 to pod .*ECONNREFUSED/);
  });

  it('ends with the run', async () => {
    const stop = new AbortController();
    api.talk = () => stop.abort(new Error('stopped'));
    const pod = { namespace: 'kube-system', name: 'kube-proxy-1' };
    const asking = readProxyEndpoints(connection, pod, { signal: stop.signal, now: () => 0 });
    await expect(asking).rejects.toThrow('stopped');
  });
});

describe('the kube-proxies of a cluster', () => {
  const nodes = ['n1', 'n2', 'n3'].map((name) => ({ name, raw: {} }));
  const pod = (node: string) => ({
    kind: 'Pod',
    metadata: { name: `kube-proxy-${node}`, namespace: 'kube-system' },
    spec: { nodeName: node, containers: [{ name: 'kube-proxy', image: 'kube-proxy:v1.37.2' }] },
    status: { phase: 'Running', containerStatuses: [{ name: 'kube-proxy', ready: true, state: { running: {} } }] },
  });
  const reading = (...on: string[]): ClusterReading =>
    ({ cluster: new Map([['kube-proxy', { kind: 'List', items: on.map(pod) }]]), parts: [] }) as never;
  const options = { signal: new AbortController().signal, concurrency: 1 };

  it('are asked where they are pods', async () => {
    const ports = { 10_249: await serve(metrics), 10_256: await serve(healthy) };
    api.talk = (socket, { url }) => forward(socket, url, ports);
    const proxies = await readProxies(connection, reading('n1', 'n3'), nodes, options);
    expect([...proxies.keys()]).toEqual(['n1', 'n3']);
    const read = { evidence: { name: 'n1', files: new Map([['sysctl', 'x']]) }, manifest: { commands: [] } };
    const merged = withProxy(read as unknown as NodeRead, proxies.get('n1'));
    expect([...merged.evidence.files.keys()].toSorted()).toEqual([
      'kube-proxy-configz.txt',
      'kube-proxy-healthz.txt',
      'kube-proxy-metrics.txt',
      'kube-proxy-proxyMode.txt',
      'sysctl',
    ]);
    expect(merged.manifest.commands).toHaveLength(4);
  });

  it('are not asked one by one when the first answer is that it is forbidden', async () => {
    api.fault = (_, response) => {
      response.writeHead(403, { 'content-type': 'application/json' });
      response.end(JSON.stringify({ kind: 'Status', reason: 'Forbidden', message: 'cannot create pods/portforward' }));
      return true;
    };
    const proxies = await readProxies(connection, reading('n1', 'n2', 'n3'), nodes, options);
    expect(api.seen.length).toBe(4);
    expect([...proxies.values()].map(({ commands }) => commands[0]?.stderr)).toEqual(
      Array.from({ length: 3 }, () => expect.stringContaining('cannot create pods/portforward')),
    );
  });
});
