/** A snapshot folder of the cluster as it is now: file names and contents, everything as received. */
import type { Api } from './api.ts';
import type { RunResult } from './process.ts';
import { requireSuccess } from './process.ts';
import { NODES } from './topology.ts';

const CLUSTER_FILES = {
  'version.json': '/version',
  'services.json': '/api/v1/services',
  'endpoints.json': '/api/v1/endpoints',
  'endpointslices.json': '/apis/discovery.k8s.io/v1/endpointslices',
  'nodes.json': '/api/v1/nodes',
  'pods.json': '/api/v1/pods',
} as const;

/** With counters, in both families and both back ends: the one that is not in use often is not empty. */
const NODE_FILES = {
  'iptables-nft-save': ['iptables-nft-save', '-c'],
  'iptables-legacy-save': ['iptables-legacy-save', '-c'],
  'ip6tables-nft-save': ['ip6tables-nft-save', '-c'],
  'ip6tables-legacy-save': ['ip6tables-legacy-save', '-c'],
  'nft.json': ['nft', '-j', 'list', 'ruleset'],
} as const;

type Exec = (node: string, argv: readonly string[]) => Promise<RunResult>;

export async function record(api: Api, exec: Exec): Promise<Record<string, string>> {
  const files: Record<string, string> = {};
  for (const [file, path] of Object.entries(CLUSTER_FILES)) files[`cluster/${file}`] = await api.send('GET', path);
  for (const { name } of NODES) {
    for (const [file, argv] of Object.entries(NODE_FILES)) {
      files[`nodes/${name}/${file}`] = requireSuccess(await exec(name, argv)).stdout;
    }
  }
  return files;
}
