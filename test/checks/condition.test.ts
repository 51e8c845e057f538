/** What is wrong with a node beside its rules: each has its own code, and an answer that is missing or odd has none. */
import { describe, expect, it } from 'vitest';
import { damage } from '../build.ts';
import { NODE, ROWS, judge, proxyPod, recorded, withFiles, withPods } from './condition-rows.ts';
import { hostnames } from './clusters.ts';

describe('the condition of nodes', () => {
  it.each(ROWS)('$name', ({ evidence, codes, severity, words = [] }) => {
    const report = judge(evidence());
    expect(report.findings.map((finding) => finding.code).toSorted()).toEqual(codes);
    const code = codes.find((one) => one.startsWith('SVC6'));
    const finding = report.findings.find((one) => one.code === code);
    if (code !== undefined) expect(finding?.nodes).toEqual([NODE]);
    if (severity !== undefined) expect(finding?.severity).toBe(severity);
    for (const part of words) expect(JSON.stringify(finding)).toContain(part);
    // What the rules are is judged by the rules.
    if (!codes.includes('SVC401')) {
      const states = report.servicePorts.flatMap((port) => Object.values(port.invariants).map(({ state }) => state));
      expect(states.filter((state) => state !== 'ok' && state !== 'not-applicable')).toEqual([]);
    }
  });

  it('fires every check of the hundred 6', async () => {
    const { CHECKS } = await import('../../src/checks/index.ts');
    const fired = new Set(ROWS.flatMap((row) => row.codes));
    expect(CHECKS.filter(({ id }) => id.startsWith('SVC6') && !fired.has(id)).map(({ id }) => id)).toEqual([]);
  });

  it('no restart is advised where kube-proxy cannot do its work', () => {
    const entry = ['-A KUBE-SERVICES', 'hostnames', 'cluster IP'] as const;
    const broken = damage(hostnames(), NODE, (lines) =>
      lines.filter((line) => !entry.every((word) => line.includes(word))),
    );
    const files = {
      'kube-proxy-healthz.txt': recorded('failing', 'kube-proxy-healthz.txt'),
      'kube-proxy-metrics.txt': recorded('failing', 'kube-proxy-metrics.txt'),
    };
    const { findings } = judge(withPods(withFiles(broken, files), [proxyPod(NODE)]));
    const found = findings.find(({ code }) => code === 'SVC301');
    expect(found?.fix).toEqual(['kubectl -n kube-system logs kube-proxy-2 --tail=50']);
    expect(judge(broken).findings[0]?.fix[0]).toContain('delete pod');
  });

  it('names each node in which forwarding is off, and tells once what that stops', () => {
    const off = recorded('healthy', 'sysctl').replaceAll(/(ipv4.*\/forwarding):1/g, '$1:0');
    const evidence = hostnames();
    const nodes = evidence.nodes.map((node) => ({
      ...node,
      files: new Map([...node.files, ['sysctl', off] as const]),
    }));
    const { findings } = judge({ ...evidence, nodes });
    expect(findings.map(({ code, nodes: on }) => [code, on.length])).toEqual([['SVC605', 3]]);
    expect(findings[0]?.impact).not.toMatch(/\d\d\d %/);
    // The node's own packets leave without being forwarded.
    expect(findings[0]?.impact).not.toContain('the node itself');
  });
});
