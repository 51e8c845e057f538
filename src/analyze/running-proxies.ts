import type { RunningProxy } from '../kubeproxy/settings.ts';
import type { NodeEvidence, Snapshot } from '../model/snapshot.ts';

/** What nodes show of a running kube-proxy beside iptables rules. */
export function runningProxies(snapshot: Snapshot): ReadonlyMap<string, RunningProxy> {
  const modes = snapshot.nodes.map((node) => [node.name, modeOf(node)] as const);
  return new Map(modes.flatMap(([name, mode]) => (mode === null ? [] : [[name, { mode }]])));
}

/** kube-proxy's own answer, or its table in nftables, which it removes when it changes to another mode. */
function modeOf({ files }: NodeEvidence): string | null {
  const answer = files.get('kube-proxy-proxyMode.txt')?.trim();
  if (answer !== undefined && answer !== '') return answer;
  return NFTABLES_TABLE.test(files.get('nft.json') ?? '') ? 'nftables' : null;
}

/** `{"table": {"family": "ip", "name": "kube-proxy", …}}` of `nft -j list ruleset`. */
const NFTABLES_TABLE = /"table"\s*:\s*\{[^{}]*"name"\s*:\s*"kube-proxy"/;
