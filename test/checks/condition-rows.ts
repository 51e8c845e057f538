/** Healthy rules on nodes that are not in order, and the checks that are to see it. */
import { readFileSync } from 'node:fs';
import { analyze } from '../../src/analyze/analyze.ts';
import type { Finding, Report } from '../../src/model/report.ts';
import type { NodeFile, Snapshot, SnapshotManifest } from '../../src/model/snapshot.ts';
import { list } from '../build.ts';
import { DEFAULT_OPTIONS } from '../options.ts';
import { dualStack, hostnames } from './clusters.ts';

export const NODE = 'rain-kubernetes-2';
const OTHERS = ['rain-kubernetes-1', 'rain-kubernetes-3'];
const NOW = '2026-11-25T23:26:00Z';

/** A file of test/fixtures/proxy. */
export function recorded(state: 'healthy' | 'failing', file: NodeFile): string {
  return readFileSync(new URL(`../fixtures/proxy/${state}/${file}`, import.meta.url), 'utf8');
}

export type Files = Readonly<Partial<Record<NodeFile, string>>>;

/** Files of NODE; when everything was read. */
export function withFiles(snapshot: Snapshot, files: Files): Snapshot {
  const nodes = snapshot.nodes.map((node) =>
    node.name === NODE ? { ...node, files: new Map([...node.files, ...new Map(Object.entries(files))]) } : node,
  );
  return { ...snapshot, nodes, manifest: MANIFEST } as Snapshot;
}

const MANIFEST: SnapshotManifest = {
  formatVersion: 1,
  tool: 'kubectl-svcdoctor',
  toolVersion: 'test',
  startedAt: NOW,
  finishedAt: NOW,
  context: null,
  server: null,
  scope: { namespace: 'default', services: ['default/hostnames', 'default/other'], selector: null },
  parts: [],
  nodes: [],
};

interface PodChange {
  readonly name?: string;
  readonly owner?: string;
  readonly metadata?: Record<string, unknown>;
  readonly status?: Record<string, unknown>;
}

/** A pod of kube-proxy, ready since it was made an hour ago. */
export function proxyPod(
  node: string,
  { name = `kube-proxy-${node.slice(-1)}`, owner = 'a', ...change }: PodChange = {},
) {
  const running = { running: { startedAt: '2026-11-25T22:26:05Z' } };
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name,
      namespace: 'kube-system',
      creationTimestamp: '2026-11-25T22:26:00Z',
      ownerReferences: [{ kind: 'DaemonSet', name: 'kube-proxy', uid: owner, controller: true }],
      ...change.metadata,
    },
    spec: { nodeName: node, containers: [{ name: 'kube-proxy', image: 'registry.k8s.io/kube-proxy:v1.37.2' }] },
    status: {
      phase: 'Running',
      containerStatuses: [{ name: 'kube-proxy', ready: true, restartCount: 0, state: running, ...change.status }],
    },
  };
}

/** kube-proxy's pods: one on each other node, and these. */
export function withPods(snapshot: Snapshot, pods: readonly unknown[]): Snapshot {
  const items = [...OTHERS.map((node) => proxyPod(node)), ...pods];
  return { ...snapshot, cluster: new Map([...snapshot.cluster, ['kube-proxy', list('', items)]]) };
}

/** kube-proxy's configuration, with what a file leaves out. */
function withConfig(snapshot: Snapshot): Snapshot {
  const config = 'kind: KubeProxyConfiguration\nmode: iptables\nclusterCIDR: 10.168.0.0/16,fd00:10:168::/48\n';
  const map = { kind: 'ConfigMap', metadata: { name: 'kube-proxy' }, data: { 'config.conf': config } };
  return { ...snapshot, cluster: new Map([...snapshot.cluster, ['kube-proxy', list('', [map])]]) };
}

function sysctls(...changes: readonly (readonly [string, string])[]): Files {
  const text = changes.reduce(
    (lines, [pattern, value]) => {
      const changed = lines.replaceAll(new RegExp(`^(/proc/sys/${pattern}):.*$`, 'gm'), `$1:${value}`);
      if (changed === lines) throw new Error(`nothing is like ${pattern}`);
      return changed;
    },
    recorded('healthy', 'sysctl'),
  );
  return { sysctl: text };
}

/** Pods on a bridge, as most simple network plugins have them. */
const BRIDGE = JSON.stringify([
  { ifname: 'eth0', addr_info: [{ local: '172.31.0.12', prefixlen: 24 }] },
  {
    ifname: 'cni0',
    addr_info: [
      { local: '10.168.1.1', prefixlen: 24 },
      { local: 'fd00:10:168:1::1', prefixlen: 64 },
    ],
  },
  { ifname: 'veth12', master: 'cni0', addr_info: [] },
]);

const FAILING: Files = {
  'kube-proxy-healthz.txt': recorded('failing', 'kube-proxy-healthz.txt'),
  'kube-proxy-metrics.txt': recorded('failing', 'kube-proxy-metrics.txt'),
  'kube-proxy-log.txt': recorded('failing', 'kube-proxy-log.txt'),
};

const MARK = '*mangle\n:KUBE-IPTABLES-HINT - [0:0]\n:KUBE-KUBELET-CANARY - [0:0]\nCOMMIT\n';

const crashing = {
  ready: false,
  restartCount: 7,
  state: { waiting: { reason: 'CrashLoopBackOff' } },
  lastState: { terminated: { reason: 'Error', exitCode: 1 } },
};

export interface Row {
  readonly name: string;
  readonly evidence: () => Snapshot;
  readonly codes: readonly string[];
  readonly severity?: Finding['severity'];
  /** Words the finding must hold. */
  readonly words?: readonly string[];
}

const files = (change: Files): Snapshot => withFiles(hostnames(), change);
const pods = (...list: readonly unknown[]): Snapshot => withPods(files({}), list);
const healthz = (status: number, body: object): Files => ({
  'kube-proxy-healthz.txt': `HTTP ${status}\n${JSON.stringify(body)}\n`,
});
const OLD_TIME = '2021-01-01 10:00:00.123456789 +0000 UTC m=+31.2';

export const ROWS: readonly Row[] = [
  {
    name: 'a node in order',
    evidence: () =>
      withPods(
        files({
          sysctl: recorded('healthy', 'sysctl'),
          'ip-addr.json': recorded('healthy', 'ip-addr.json'),
          'iptables-version': recorded('healthy', 'iptables-version'),
          'kube-proxy-healthz.txt': recorded('healthy', 'kube-proxy-healthz.txt'),
          'kube-proxy-metrics.txt': recorded('healthy', 'kube-proxy-metrics.txt'),
          'kube-proxy-proxyMode.txt': recorded('healthy', 'kube-proxy-proxyMode.txt'),
        }),
        [proxyPod(NODE)],
      ),
    codes: [],
  },
  {
    name: 'answers that are no such answers',
    evidence: () =>
      files({
        sysctl: 'sysctl: not found\n',
        'ip-addr.json': '{',
        'iptables-version': 'bash: iptables: command not found\n',
        'kube-proxy-healthz.txt': 'HTTP/1.1 503 Service Unavailable\n\nno healthy upstream',
        'kube-proxy-metrics.txt': '404 page not found\n',
        'kube-proxy-log.txt': 'unable to retrieve container logs\n',
        'nft.json': 'Error: JSON support not compiled-in\n',
      }),
    codes: [],
  },
  {
    name: 'kube-proxy crashes at each start',
    evidence: () => pods(proxyPod(NODE, { status: crashing })),
    codes: ['SVC601'],
    severity: 'warning',
    words: ['CrashLoopBackOff, 7 restarts', 'the one before: Error, exit code 1', 'logs kube-proxy-2 --tail'],
  },
  {
    name: 'kube-proxy is started again and again',
    evidence: () =>
      pods(
        proxyPod(NODE, {
          status: {
            restartCount: 4,
            state: { running: { startedAt: '2026-11-25T23:25:30Z' } },
            lastState: { terminated: { reason: 'OOMKilled', exitCode: 137 } },
          },
        }),
      ),
    codes: ['SVC601'],
    words: ['started 4 times', 'OOMKilled', 'logs kube-proxy-2 --previous'],
  },
  {
    name: 'kube-proxy was restarted often, long ago',
    evidence: () =>
      pods(
        proxyPod(NODE, { status: { restartCount: 40, lastState: { terminated: { reason: 'Error', exitCode: 1 } } } }),
      ),
    codes: [],
  },
  {
    name: 'kube-proxy is being made',
    evidence: () =>
      pods(
        proxyPod(NODE, {
          metadata: { creationTimestamp: '2026-11-25T23:25:40Z' },
          status: { ready: false, state: { waiting: { reason: 'ContainerCreating' } } },
        }),
      ),
    codes: [],
  },
  {
    name: 'kube-proxy is being made for an hour',
    evidence: () =>
      pods(proxyPod(NODE, { status: { ready: false, state: { waiting: { reason: 'ContainerCreating' } } } })),
    codes: ['SVC601'],
    words: ['not ready (ContainerCreating)'],
  },
  {
    name: 'kube-proxy is being replaced',
    evidence: () =>
      pods(proxyPod(NODE, { metadata: { deletionTimestamp: '2026-11-25T23:25:59Z' }, status: { ready: false } })),
    codes: [],
  },
  {
    name: 'an evicted kube-proxy lies beside the one that runs',
    evidence: () => {
      const evicted = proxyPod(NODE, { name: 'kube-proxy-old', status: { ready: false } });
      return pods(proxyPod(NODE), { ...evicted, status: { ...evicted.status, phase: 'Failed' } });
    },
    codes: [],
  },
  {
    name: 'there is no pod, and there are rules: of one that is gone, if nothing else writes them',
    evidence: () => pods(),
    codes: ['SVC601'],
    severity: 'warning',
    words: ['none here: the rules here are those of one that is gone'],
  },
  {
    name: 'there is neither a pod nor a rule',
    evidence: () => withPods(files({ 'iptables-nft-save': '', 'ip6tables-nft-save': '' }), []),
    codes: ['SVC401', 'SVC601'],
  },
  {
    name: 'kube-proxy lags behind',
    evidence: () => files(healthz(503, { lastUpdated: OLD_TIME, currentTime: OLD_TIME.replace('10:00', '10:04') })),
    codes: ['SVC602'],
    severity: 'warning',
    words: ['/healthz answers 503', '4 min before'],
  },
  {
    name: 'kube-proxy answers 503 because its node goes away',
    evidence: () => files(healthz(503, { lastUpdated: OLD_TIME, currentTime: OLD_TIME, nodeEligible: false })),
    codes: [],
  },
  {
    name: 'a change waits by the metrics alone',
    evidence: () => files({ 'kube-proxy-metrics.txt': metrics('2026-11-25T23:00:00Z', '2026-11-25T22:00:00Z') }),
    codes: ['SVC602'],
    words: ['a change waits for 26 min'],
  },
  {
    name: 'a change has just been put into the queue',
    evidence: () => files({ 'kube-proxy-metrics.txt': metrics('2026-11-25T23:25:50Z', '2026-11-25T22:00:00Z') }),
    codes: [],
  },
  {
    name: 'kube-proxy cannot write',
    evidence: () => files(FAILING),
    codes: ['SVC603'],
    severity: 'warning',
    words: ['writes have failed', 'CHAIN_DEL failed (Device or resource busy): chain KUBE-SEP-G7HB53TC4RAEG2Q6'],
  },
  {
    name: 'writes have failed, and succeed again',
    evidence: () => files({ ...FAILING, 'kube-proxy-healthz.txt': recorded('healthy', 'kube-proxy-healthz.txt') }),
    codes: [],
  },
  {
    name: "kube-proxy's rules are in one back end, kubelet's in the other",
    evidence: () => files({ 'iptables-legacy-save': MARK, 'iptables-version': 'iptables v1.8.7 (legacy)\n' }),
    codes: ['SVC604'],
    severity: 'warning',
    words: ['iptables-legacy-save has a chain of kubelet', 'iptables on the node is legacy'],
  },
  {
    name: 'kubelet has left its mark in both back ends',
    evidence: () => {
      const save = hostnames().nodes[1]?.files.get('iptables-nft-save') ?? '';
      return files({
        'iptables-legacy-save': MARK,
        'iptables-nft-save': `${MARK}${save.replace(/\*mangle\n[^*]*COMMIT\n/, '')}`,
      });
    },
    codes: [],
  },
  {
    name: 'the node does not forward',
    evidence: () => files(sysctls(['net/ipv4/conf/.*/forwarding', '0'])),
    codes: ['SVC605'],
    severity: 'error',
    words: ['from its pods to 10.111.231.44:80', 'from outside to node port 30000', 'all'],
  },
  {
    name: 'one interface forwards all the same',
    evidence: () => files(sysctls(['net/ipv4/conf/(?!eth0).*/forwarding', '0'])),
    codes: [],
  },
  {
    name: 'IPv6 is not forwarded, and no Service has an IPv6 address',
    evidence: () => files(sysctls(['net/ipv6/conf/all/forwarding', '0'])),
    codes: [],
  },
  {
    name: 'IPv6 is not forwarded',
    evidence: () => withFiles(dualStack(), sysctls(['net/ipv6/conf/all/forwarding', '0'])),
    codes: ['SVC605'],
    severity: 'error',
    words: ['[fd00:10:96::30]:80'],
  },
  {
    name: 'a person wrote down one setting',
    evidence: () => files({ sysctl: 'net.ipv4.ip_forward = 0\n' }),
    codes: ['SVC605'],
    words: ['net.ipv4.conf.all.forwarding is 0'],
  },
  {
    name: 'the table of connections is full',
    evidence: () => files(sysctls(['net/netfilter/nf_conntrack_count', '262144'])),
    codes: ['SVC606'],
    severity: 'error',
    words: ['262144 of 262144'],
  },
  {
    name: 'the table of connections is nearly full',
    evidence: () => files(sysctls(['net/netfilter/nf_conntrack_count', '236000'])),
    codes: ['SVC606'],
    severity: 'warning',
  },
  {
    name: 'the table of connections has no limit',
    evidence: () => files(sysctls(['net/netfilter/nf_conntrack_(?:count|max)', '0'])),
    codes: [],
  },
  {
    name: 'the kernel lacks a module',
    evidence: () =>
      files({
        ...FAILING,
        'kube-proxy-log.txt': recorded('failing', 'kube-proxy-log.txt').replaceAll(
          /line \d+: CHAIN_DEL failed.*/g,
          'Warning: Extension statistic revision 0 not supported, missing kernel module?\n\tline 57: RULE_APPEND failed (No such file or directory): rule in chain KUBE-SVC-AC2ON6IKLZPGXVMV',
        ),
      }),
    codes: ['SVC607'],
    severity: 'warning',
    words: ['statistic', 'modprobe xt_statistic'],
  },
  {
    name: 'netfilter does not see the bridge of the pods',
    evidence: () => files({ ...sysctls(['net/bridge/bridge-nf-call-iptables', '0']), 'ip-addr.json': BRIDGE }),
    codes: ['SVC608'],
    severity: 'error',
    words: ['from its pods to 10.111.231.44:80: a third', 'bridge-nf-call-iptables is 0'],
  },
  {
    name: 'br_netfilter is not loaded',
    evidence: () =>
      files({ sysctl: recorded('healthy', 'sysctl').replaceAll(/^.*bridge.*\n/gm, ''), 'ip-addr.json': BRIDGE }),
    codes: ['SVC608'],
    words: ['br_netfilter is not loaded'],
  },
  {
    name: 'br_netfilter is not loaded, and pods hang on no bridge',
    evidence: () =>
      files({
        sysctl: recorded('healthy', 'sysctl').replaceAll(/^.*bridge.*\n/gm, ''),
        'ip-addr.json': recorded('healthy', 'ip-addr.json'),
      }),
    codes: [],
  },
  {
    name: 'a person wrote down nothing of bridges',
    evidence: () => files({ sysctl: 'net.ipv4.ip_forward = 1\n', 'ip-addr.json': BRIDGE }),
    codes: [],
  },
  {
    name: 'node ports are not served at 127.0.0.1, though they should be',
    evidence: () => withConfig(files(sysctls(['net/ipv4/conf/all/route_localnet', '0']))),
    codes: ['SVC609'],
    severity: 'warning',
  },
  {
    name: 'nobody knows whether node ports are to be served at 127.0.0.1',
    evidence: () => files(sysctls(['net/ipv4/conf/all/route_localnet', '0'])),
    codes: [],
  },
  {
    name: 'two kube-proxies',
    evidence: () => pods(proxyPod(NODE), proxyPod(NODE, { name: 'kube-proxy-new', owner: 'b' })),
    codes: ['SVC610'],
    severity: 'warning',
    words: ['kube-system/kube-proxy-2, kube-system/kube-proxy-new'],
  },
  {
    name: 'a rolling update that starts the new one first',
    evidence: () => pods(proxyPod(NODE), proxyPod(NODE, { name: 'kube-proxy-new' })),
    codes: [],
  },
];

function metrics(queued: string, synced: string): string {
  const line = (name: string, time: string): string =>
    `kubeproxy_sync_proxy_rules_${name}_seconds ${(Date.parse(time) / 1000).toExponential()}\n`;
  return line('last_queued_timestamp', queued) + line('last_timestamp', synced);
}

export function judge(evidence: Snapshot): Report {
  return analyze(evidence, DEFAULT_OPTIONS);
}
