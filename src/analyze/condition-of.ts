import { parseOwnBackend } from '../model/iptables-version.ts';
import type { NodeCondition } from '../model/node-condition.ts';
import { parseLinks } from '../model/parse-links.ts';
import { parseProxyHealth } from '../model/proxy-health.ts';
import { parseProxyLog } from '../model/proxy-log.ts';
import { parseProxyMetrics } from '../model/proxy-metrics.ts';
import { parseProxyPods } from '../model/proxy-pod.ts';
import { parseSysctls } from '../model/sysctls.ts';
import type { NodeFile, NodeManifest, Snapshot } from '../model/snapshot.ts';

/** What the evidence holds of each node beside its rules. */
export function conditionsOf(snapshot: Snapshot): (node: string) => NodeCondition {
  const evidence = new Map(snapshot.nodes.map((node) => [node.name, node.files]));
  const manifests = new Map((snapshot.manifest?.nodes ?? []).map((node) => [node.name, node]));
  const pods = parseProxyPods(snapshot.cluster.get('kube-proxy'));
  return (name) => {
    const files = evidence.get(name) ?? new Map<NodeFile, string>();
    const manifest = manifests.get(name) ?? null;
    const read = <T>(file: NodeFile, parse: (text: string) => T | null): T | null => {
      const text = files.get(file);
      return text === undefined ? null : parse(text);
    };
    return {
      sysctls: read('sysctl', parseSysctls),
      ownBackend: isTheNodes(manifest) ? read('iptables-version', parseOwnBackend) : null,
      links: read('ip-addr.json', parseLinks),
      proxy: {
        pods: pods === null ? null : (pods.get(name) ?? []),
        health: read('kube-proxy-healthz.txt', parseProxyHealth),
        metrics: read('kube-proxy-metrics.txt', parseProxyMetrics),
        log: read('kube-proxy-log.txt', parseProxyLog),
        readAt: timeOf(manifest?.finishedAt ?? snapshot.manifest?.finishedAt),
      },
    };
  };
}

/** In a pod, `iptables` is that of the pod's image. */
function isTheNodes(manifest: NodeManifest | null): boolean {
  return manifest === null || manifest.via === 'ssh' || manifest.via === 'files';
}

function timeOf(text: string | undefined): number | null {
  const time = Date.parse(text ?? '');
  return Number.isNaN(time) ? null : time / 1000;
}
