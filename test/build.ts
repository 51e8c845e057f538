import { inspect } from 'node:util';
import { expectedRuleset } from '../src/kubeproxy/assemble.ts';
import type { LocalDetection, ProxySettings } from '../src/kubeproxy/expectation.ts';
import { FAMILIES, parseCidr, parseIp, type Family, type Ip } from '../src/model/address.ts';
import { parseCluster } from '../src/model/parse-cluster.ts';
import type { ClusterFile, NodeFile, Snapshot } from '../src/model/snapshot.ts';
import { printRuleset } from '../src/netfilter/print.ts';

/**
 * Snapshots for tests: API objects as they are written by hand, and on each node the rules kube-proxy would have written
 * for them. What is wrong is then done to them by `damage`.
 */

export interface ServiceSpec {
  readonly name: string;
  readonly namespace?: string;
  readonly labels?: Record<string, string>;
  readonly spec: Record<string, unknown>;
  readonly status?: Record<string, unknown>;
}

export interface SliceSpec {
  readonly service: string;
  /** Of the slice; made from the Service's unless it is given. */
  readonly name?: string;
  readonly namespace?: string;
  readonly family?: Family;
  readonly port: number;
  readonly portName?: string;
  readonly protocol?: string;
  /** `[address, node]`, with conditions when they are not ready. */
  readonly endpoints: readonly (readonly [string, string, Record<string, boolean>?])[];
}

export const NODES = ['rain-kubernetes-1', 'rain-kubernetes-2', 'rain-kubernetes-3'] as const;

const INTERNAL_IPS: Readonly<Record<string, readonly string[]>> = {
  'rain-kubernetes-1': ['172.31.0.11', 'fd00:172:31::11'],
  'rain-kubernetes-2': ['172.31.0.12', 'fd00:172:31::12'],
  'rain-kubernetes-3': ['172.31.0.13', 'fd00:172:31::13'],
};

export function list(kind: string, items: readonly unknown[]): unknown {
  return { apiVersion: 'v1', kind: `${kind}List`, items };
}

export function service({ name, namespace = 'default', labels = {}, spec, status = {} }: ServiceSpec): unknown {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name, namespace, labels },
    spec: {
      type: 'ClusterIP',
      sessionAffinity: 'None',
      internalTrafficPolicy: 'Cluster',
      ...clusterIPs(spec),
      ...spec,
    },
    status,
  };
}

function clusterIPs(spec: Record<string, unknown>): Record<string, unknown> {
  return spec['clusterIPs'] === undefined && spec['clusterIP'] !== undefined ? { clusterIPs: [spec['clusterIP']] } : {};
}

export function slice(spec: SliceSpec): unknown {
  const {
    service: owner,
    name,
    namespace = 'default',
    family = 'IPv4',
    port,
    portName = 'http',
    protocol = 'TCP',
    endpoints,
  } = spec;
  return {
    metadata: {
      name: name ?? `${owner}-${family.toLowerCase()}-${portName}`,
      namespace,
      labels: { 'kubernetes.io/service-name': owner },
    },
    addressType: family,
    ports: [{ name: portName, port, protocol }],
    endpoints: endpoints.map(
      ([address, nodeName, conditions = { ready: true, serving: true, terminating: false }]) => ({
        addresses: [address],
        nodeName,
        conditions,
      }),
    ),
  };
}

export function node(name: string): unknown {
  const number = name.slice(-1);
  const third = Number(number) - 1;
  const addresses = (INTERNAL_IPS[name] ?? []).map((address) => ({ type: 'InternalIP', address }));
  return {
    metadata: { name, labels: { 'kubernetes.io/hostname': name } },
    spec: { podCIDRs: [`10.168.${third}.0/24`, `fd00:10:168:${third}::/64`] },
    status: {
      addresses: [...addresses, { type: 'Hostname', address: name }],
      conditions: [{ type: 'Ready', status: 'True' }],
    },
  };
}

/** kube-proxy 1.37 as kubeadm sets it up. */
export function settings(nodeName: string, family: Family, change: Partial<ProxySettings> = {}): ProxySettings {
  const known = <T>(value: T) => ({ value, origin: 'configured' as const, from: 'test' });
  const cidr = parseCidr(family === 'IPv4' ? '10.168.0.0/16' : 'fd00:10:168::/48');
  const detection: LocalDetection = cidr === null ? { mode: 'none' } : { mode: 'source', cidr };
  const nodeIPs = (INTERNAL_IPS[nodeName] ?? [])
    .map(parseIp)
    .filter((ip): ip is Ip => ip !== null && ip.includes(':') === (family === 'IPv6'));
  return {
    family,
    era: known('1.25'),
    version: known({ major: 1, minor: 37, patch: 2 }),
    mark: known(0x4000),
    masqueradeAll: known(false),
    localDetection: known(detection),
    nodePortAddresses: known({ mode: 'all' }),
    localhostNodePorts: known(true),
    nodeName,
    zone: null,
    nodeIPs,
    ...change,
  };
}

export interface ClusterSpec {
  readonly services: readonly ServiceSpec[];
  readonly slices: readonly SliceSpec[];
  readonly pods?: readonly unknown[];
  /** `cluster/dns.json`. */
  readonly dns?: unknown;
  readonly settings?: Partial<ProxySettings>;
}

/** A healthy cluster: what the API has is what the rules are for. */
export function snapshot(spec: ClusterSpec): Snapshot {
  const cluster = new Map<ClusterFile, unknown>([
    ['services', list('Service', spec.services.map(service))],
    ['endpointslices', list('EndpointSlice', spec.slices.map(slice))],
    ['nodes', list('Node', NODES.map(node))],
    ...(spec.dns === undefined ? [] : [['dns', spec.dns] as const]),
    ...(spec.pods === undefined ? [] : [['pods', list('Pod', spec.pods)] as const]),
  ]);
  const parsed = parseCluster(cluster);
  const nodes = NODES.map((name) => {
    const files = new Map<NodeFile, string>();
    for (const family of FAMILIES) {
      const ruleset = expectedRuleset(parsed, settings(name, family, spec.settings));
      files.set(family === 'IPv4' ? 'iptables-nft-save' : 'ip6tables-nft-save', printRuleset(ruleset));
    }
    return { name, files };
  });
  return { manifest: null, cluster, nodes };
}

/** Changes the lines of one save of one node. */
export function damage(
  healthy: Snapshot,
  nodeName: string,
  change: (lines: readonly string[]) => readonly string[],
  file: NodeFile = 'iptables-nft-save',
): Snapshot {
  const nodes = healthy.nodes.map((entry) => {
    if (entry.name !== nodeName) return entry;
    const before = entry.files.get(file) ?? '';
    const after = change(before.split('\n')).join('\n');
    if (after === before) throw new Error(`the damage changed nothing on ${nodeName}: ${inspect(change.toString())}`);
    return { ...entry, files: new Map(entry.files).set(file, after) };
  });
  return { ...healthy, nodes };
}

/** Deletes every line that holds all of these words. */
export function without(...words: readonly string[]) {
  return (lines: readonly string[]): readonly string[] =>
    lines.filter((line) => !words.every((word) => line.includes(word)));
}

/** Replaces in every line that holds all of `words`. */
export function replacing(words: readonly string[], from: string, to: string) {
  return (lines: readonly string[]): readonly string[] =>
    lines.map((line) => (words.every((word) => line.includes(word)) ? line.replace(from, to) : line));
}

/** Adds a line behind the first one that holds all of `words`. */
export function behind(words: readonly string[], added: string) {
  return (lines: readonly string[]): readonly string[] => {
    const index = lines.findIndex((line) => words.every((word) => line.includes(word)));
    return index < 0 ? lines : lines.toSpliced(index + 1, 0, added);
  };
}

/** Adds a line before the first one that holds all of `words`. */
export function before(words: readonly string[], added: string) {
  return (lines: readonly string[]): readonly string[] => {
    const index = lines.findIndex((line) => words.every((word) => line.includes(word)));
    return index < 0 ? lines : lines.toSpliced(index, 0, added);
  };
}
