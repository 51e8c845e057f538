/** The recordings damage is done to: a node of one world of the zoo for each generation of kube-proxy's rules. */
import { join } from 'node:path';
import { RECORDINGS } from '../cluster/zoo/record-zoo.ts';
import type { NodeFile } from '../../src/model/snapshot.ts';
import { readWorld } from '../zoo/judge.ts';
import type { NodePlace } from './probes.ts';
import { Patient } from './trial.ts';

export const WORLDS = [
  '1.20-legacy',
  '1.22-legacy',
  '1.24-nft',
  '1.28-nft-node-port-addresses',
  '1.33-nft-node-cidr',
  '1.37-nft',
] as const;

export type FamilyName = 'IPv4' | 'IPv6';

const PLACES: Readonly<Record<FamilyName, Omit<NodePlace, 'judgesInvalid'>>> = {
  IPv4: {
    name: 'rain-kubernetes-2',
    address: '172.31.0.12',
    podPrefix: '10.168.1.',
    otherPodPrefix: '10.168.0.',
    podInterface: 'veth77',
  },
  IPv6: {
    name: 'rain-kubernetes-2',
    address: 'fd00:172:31::12',
    podPrefix: 'fd00:10:168:1::',
    otherPodPrefix: 'fd00:10:168::',
    podInterface: 'veth77',
  },
};

export async function patientOf(world: string, family: FamilyName): Promise<Patient> {
  const backend = world.includes('legacy') ? 'legacy' : 'nft';
  const file: NodeFile = `${family === 'IPv4' ? 'iptables' : 'ip6tables'}-${backend}-save`;
  const judgesInvalid = Number(world.split(/[.-]/)[1]) < 25;
  return new Patient(await readWorld(join(RECORDINGS, `${world}.tgz`)), { ...PLACES[family], judgesInvalid }, file);
}
