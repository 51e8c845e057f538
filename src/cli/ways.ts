import type { ClusterConnection, ClusterReading } from '../collect/cluster/index.ts';
import { kubeProxyWay } from '../collect/pods/kube-proxy-way.ts';
import { type NodeWay, sshWay } from '../collect/way.ts';
import type { EvidenceFlags } from './evidence.ts';
import { addressType, sshSettings } from './ssh-settings.ts';

/**
 * The ways to read nodes that the flags ask for, the first choice first. Who says how to log in over SSH means SSH; without a word,
 * what needs the least is tried first.
 */
export function waysOf(
  flags: EvidenceFlags,
  connection: ClusterConnection,
  reading: ClusterReading,
): readonly NodeWay[] {
  const ssh = (): NodeWay => sshWay(sshSettings(flags), addressType(flags['node-address']));
  switch (flags.via ?? (speaksOfSsh(flags) ? 'ssh' : 'auto')) {
    case 'ssh':
      return [ssh()];
    case 'kube-proxy':
      return [kubeProxyWay(connection, reading)];
    default:
      return [kubeProxyWay(connection, reading), ssh()];
  }
}

function speaksOfSsh(flags: EvidenceFlags): boolean {
  const about = [flags['ssh-user'], flags['ssh-key'], flags['ssh-port'], flags['ssh-config'], flags['node-address']];
  return about.some((value) => value !== undefined);
}
