import type { ClusterConnection, ClusterReading } from '../collect/cluster/index.ts';
import { kubeProxyWay } from '../collect/pods/kube-proxy-way.ts';
import { DebugPodWay } from '../collect/pods/debug-pod-way.ts';
import { type NodeWay, sshWay } from '../collect/way.ts';
import { debugPodHost } from './debug-pod-host.ts';
import type { EvidenceFlags } from './evidence.ts';
import type { Session } from './session.ts';
import { addressType, sshSettings } from './ssh-settings.ts';

/** What the ways are made of. */
export interface WaysRequest {
  readonly flags: EvidenceFlags;
  readonly connection: ClusterConnection;
  readonly reading: ClusterReading;
  readonly nodeTimeoutMs: number;
  readonly session: Session;
}

/**
 * The ways to read nodes that the flags ask for, the first choice first. Who says how to log in over SSH means SSH, and who says
 * how pods are made means them; without a word, what needs the least is tried first.
 */
export function waysOf(request: WaysRequest): readonly NodeWay[] {
  const { flags, connection, reading } = request;
  const ssh = (): NodeWay => sshWay(sshSettings(flags), addressType(flags['node-address']));
  const isWanted = flags.via === 'debug-pod';
  switch (flags.via ?? (speaksOfSsh(flags) ? 'ssh' : 'auto')) {
    case 'ssh':
      return [ssh()];
    case 'kube-proxy':
      return [kubeProxyWay(connection, reading)];
    case 'debug-pod':
      return [debugPodWay(request, isWanted)];
    default:
      return [kubeProxyWay(connection, reading), debugPodWay(request, isWanted), ssh()];
  }
}

function debugPodWay({ flags, connection, reading, nodeTimeoutMs, session }: WaysRequest, isWanted: boolean): NodeWay {
  const settings = {
    namespace: debugNamespaceOf(flags),
    image: flags['debug-image'] ?? null,
    pullSecret: flags['image-pull-secret'] ?? null,
    isPrivileged: flags.privileged === true,
    isChrooted: flags['chroot-host'] === true,
  };
  const host = debugPodHost(session, isWanted || flags.yes === true);
  return new DebugPodWay(connection, reading, settings, nodeTimeoutMs, host);
}

/** Where pods are made unless it is said otherwise: the same for every kubeconfig, so that `rbac` and `--cleanup` know it. */
export function debugNamespaceOf(flags: Pick<EvidenceFlags, 'debug-namespace'>): string {
  return flags['debug-namespace'] ?? 'default';
}

function speaksOfSsh(flags: EvidenceFlags): boolean {
  const about = [flags['ssh-user'], flags['ssh-key'], flags['ssh-port'], flags['ssh-config'], flags['node-address']];
  return about.some((value) => value !== undefined);
}
