import type { RunningProxy } from '../kubeproxy/settings.ts';
import { familiesOfProxyTables } from '../model/nft-tables.ts';
import type { NodeEvidence, Snapshot } from '../model/snapshot.ts';

/** What nodes show of a running kube-proxy beside iptables rules. */
export function runningProxies(snapshot: Snapshot): ReadonlyMap<string, RunningProxy> {
  return new Map(
    snapshot.nodes.flatMap((node) => {
      const running = { ...modeOf(node), ...versionOf(node) };
      return Object.keys(running).length === 0 ? [] : [[node.name, running] as const];
    }),
  );
}

/** kube-proxy's own answer, or its table in nftables, which it removes when it changes to another mode. */
function modeOf({ files }: NodeEvidence): RunningProxy {
  const answer = files.get('kube-proxy-proxyMode.txt')?.trim();
  if (answer !== undefined && answer !== '') return { mode: answer, modeFrom: "answer of the node's kube-proxy" };
  if (familiesOfProxyTables(files.get('nft.json') ?? '').length === 0) return {};
  return { mode: 'nftables', modeFrom: 'table kube-proxy in nftables on the node' };
}

/** `kubernetes_build_info{…,git_version="v1.37.2",…} 1` of kube-proxy's metrics. */
function versionOf({ files }: NodeEvidence): RunningProxy {
  const version = BUILD_INFO.exec(files.get('kube-proxy-metrics.txt') ?? '')?.[1];
  return version === undefined ? {} : { version };
}

const BUILD_INFO = /^kubernetes_build_info\{[^}]*git_version="([^"]+)"/m;
