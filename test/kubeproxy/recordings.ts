import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Family } from '../../src/model/address.ts';
import { parseCluster } from '../../src/model/parse-cluster.ts';
import type { Cluster } from '../../src/model/service.ts';
import { CLUSTER_FILES, type ClusterFile } from '../../src/model/snapshot.ts';
import { parseSave } from '../../src/netfilter/parse.ts';
import type { Ruleset } from '../../src/netfilter/rules.ts';

/** Clusters as real kube-proxy wrote them, see the README of the folder. */

const ROOT = join(import.meta.dirname, '..', 'fixtures', 'recordings');

export interface Recording {
  readonly name: string;
  /** Of the kube-proxy that wrote the rules. */
  readonly version: string;
  readonly backend: 'nft' | 'legacy';
}

export const IPTABLES_RECORDINGS: readonly Recording[] = [
  { name: 'hostnames-1.20-iptables-legacy', version: '1.20.15', backend: 'legacy' },
  { name: 'hostnames-1.22-iptables-legacy', version: '1.22.17', backend: 'legacy' },
  { name: 'hostnames-1.24-iptables-nft', version: '1.24.17', backend: 'nft' },
  { name: 'hostnames-1.28-iptables-legacy', version: '1.28.15', backend: 'legacy' },
  { name: 'hostnames-1.37-iptables-nft', version: '1.37.2', backend: 'nft' },
];

export function recordedFiles(name: string): ReadonlyMap<ClusterFile, unknown> {
  const folder = join(ROOT, name, 'cluster');
  const present = new Set(readdirSync(folder));
  const files = CLUSTER_FILES.filter((file) => present.has(`${file}.json`));
  return new Map(files.map((file) => [file, JSON.parse(readFileSync(join(folder, `${file}.json`), 'utf8'))]));
}

export function recordedCluster(name: string): Cluster {
  return parseCluster(recordedFiles(name));
}

export function recordedNodes(name: string): readonly string[] {
  return readdirSync(join(ROOT, name, 'nodes')).toSorted();
}

export function recordedRules(name: string, node: string, family: Family, backend: 'nft' | 'legacy'): Ruleset {
  const program = family === 'IPv4' ? 'iptables' : 'ip6tables';
  const source = `${program}-${backend}-save`;
  const text = readFileSync(join(ROOT, name, 'nodes', node, source), 'utf8');
  const parsed = parseSave(text, { family, backend, source });
  if (parsed.status !== 'complete') throw new Error(`${name}/${node}/${source}: ${parsed.reason}`);
  return parsed.ruleset;
}

/** Both back ends and families of all nodes, for the inference of settings. */
export function recordedRulesets(name: string): ReadonlyMap<string, Readonly<Record<Family, readonly Ruleset[]>>> {
  const both = (node: string, family: Family): readonly Ruleset[] =>
    (['nft', 'legacy'] as const).map((backend) => recordedRules(name, node, family, backend));
  return new Map(recordedNodes(name).map((node) => [node, { IPv4: both(node, 'IPv4'), IPv6: both(node, 'IPv6') }]));
}
