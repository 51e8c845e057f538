/** Where somebody else than kube-proxy serves Services, that comes first, and nobody's rules are called missing. */
import { describe, expect, it } from 'vitest';
import { analyze } from '../../src/analyze/analyze.ts';
import type { Report } from '../../src/model/report.ts';
import type { NodeFile, Snapshot } from '../../src/model/snapshot.ts';
import { hostnames } from '../checks/clusters.ts';
import { DEFAULT_OPTIONS } from '../options.ts';

interface Signs {
  readonly annotation?: string;
  readonly chain?: string;
}

/** A cluster whose nodes have no rule of kube-proxy, but these signs of somebody else. */
function without(signs: Signs): Snapshot {
  const healthy = hostnames();
  const nodes = healthy.cluster.get('nodes') as { items: { metadata: object }[] };
  const annotations = signs.annotation === undefined ? {} : { [signs.annotation]: 'x' };
  const items = nodes.items.map((node) => ({ ...node, metadata: { ...node.metadata, annotations } }));
  const declared = signs.chain === undefined ? '' : `:${signs.chain} - [0:0]\n`;
  const save = `*nat\n:PREROUTING ACCEPT [0:0]\n${declared}COMMIT\n`;
  return {
    ...healthy,
    cluster: new Map([...healthy.cluster, ['nodes', { ...nodes, items }] as const]),
    nodes: healthy.nodes.map((node) => ({ ...node, files: new Map([['iptables-nft-save', save] as const]) })),
  };
}

function judge(signs: Signs): Report {
  return analyze(without(signs), DEFAULT_OPTIONS);
}

describe('who serves Services', () => {
  it.each([
    ['Cilium (kube-proxy replacement)', { annotation: 'network.cilium.io/ipv4-pod-cidr', chain: 'CILIUM_PRE_nat' }],
    ['Cilium (kube-proxy replacement)', { annotation: 'io.cilium.network.ipv4-pod-cidr' }],
    ['OVN-Kubernetes', { annotation: 'k8s.ovn.org/node-subnets', chain: 'OVN-KUBE-NODEPORT' }],
    ['Antrea (proxyAll)', { chain: 'ANTREA-PREROUTING' }],
    ['kube-router (service proxy)', { annotation: 'kube-router.io/pod-cidrs' }],
    ['Calico (eBPF data plane)', { annotation: 'projectcalico.org/IPv4Address', chain: 'cali-PREROUTING' }],
    ['Cilium (kube-proxy replacement)', { annotation: 'network.cilium.io/x', chain: 'cali-OUTPUT' }],
  ])('is %s, by %j', (owner, signs) => {
    const report = judge(signs);
    expect(report.findings).toEqual([]);
    expect(report.coverage.nodes.map((node) => node.owner)).toEqual([owner, owner, owner]);
    expect(report.verdict).toMatchObject({
      outcome: 'incomplete',
      exitCode: 3,
      summary: `2 Services: Services are served by ${owner} here, not by kube-proxy.`,
    });
  });

  it('is not known without any sign, and that is said', () => {
    const report = judge({});
    expect(report.findings).toEqual([]);
    expect(report.coverage.nodes[0]?.reason).toContain('Services may be served by something else');
  });

  it('is kube-proxy where it has rules, whoever else is there', () => {
    const healthy = hostnames();
    const nodes = healthy.cluster.get('nodes') as { items: { metadata: object }[] };
    const items = nodes.items.map((node) => ({
      ...node,
      metadata: { ...node.metadata, annotations: { 'network.cilium.io/x': 'y' } },
    }));
    const beside = { ...healthy, cluster: new Map([...healthy.cluster, ['nodes', { ...nodes, items }] as const]) };
    expect(analyze(beside, DEFAULT_OPTIONS).verdict.outcome).toBe('healthy');
  });
});

describe('what a running kube-proxy says of itself', () => {
  function saying(files: Readonly<Record<string, string>>): Snapshot {
    const healthy = hostnames();
    const more = Object.entries(files) as [NodeFile, string][];
    return { ...healthy, nodes: healthy.nodes.map((node) => ({ ...node, files: new Map([...node.files, ...more]) })) };
  }

  it('is its version, by its metrics', () => {
    const metrics =
      '# TYPE kubernetes_build_info gauge\nkubernetes_build_info{git_commit="x",git_version="v1.34.2"} 1\n';
    const { coverage } = analyze(saying({ 'kube-proxy-metrics.txt': metrics }), DEFAULT_OPTIONS);
    expect(coverage.nodes.map((node) => node.kubeProxyVersion)).toEqual(['1.34.2', '1.34.2', '1.34.2']);
  });

  it.each([
    ["answer of the node's kube-proxy", { 'kube-proxy-proxyMode.txt': 'ipvs\n' }],
    [
      'table kube-proxy in nftables on the node',
      { 'nft.json': '{"nftables":[{"table":{"family":"ip","name":"kube-proxy"}}]}' },
    ],
  ])('is its mode: %s', (from, files) => {
    const { coverage } = analyze(saying(files), DEFAULT_OPTIONS);
    expect(coverage.nodes[0]?.reason).toContain(from);
  });
});
