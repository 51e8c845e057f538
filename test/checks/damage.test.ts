/** Each rule check fires on the damage it is for, on that node, for that port, and nothing else does. */
import { describe, expect, it } from 'vitest';
import { portChains } from '../../src/kubeproxy/names.ts';
import { before, damage } from '../build.ts';
import { dualStack, hostnames, loadBalancer, withoutEndpoints } from './clusters.ts';
import { NODE, ROWS, judge, oldHostnames, withBothBackEnds } from './damage-rows.ts';

describe('damage', () => {
  it.each([
    hostnames,
    oldHostnames,
    withoutEndpoints,
    dualStack,
    () => loadBalancer('Cluster'),
    () => loadBalancer('Local'),
  ])('there is none in a healthy cluster', (cluster) => {
    const report = judge(cluster());
    const rules = report.findings.filter((finding) => !finding.code.startsWith('SVC2'));
    expect(rules.map((finding) => `${finding.code} ${finding.title} ${finding.nodes.join()}`)).toEqual([]);
    expect(report.coverage.nodes.filter((node) => node.reason !== undefined)).toEqual([]);
  });

  it.each(ROWS)('$name', ({ cluster, change, file, codes, severity = 'error', port, impact = [] }) => {
    const report = judge(damage(cluster(), NODE, change, file));
    // Remarks about objects stand in healthy clusters too.
    const found = report.findings.filter(({ code, severity: of }) => of !== 'info' || !code.startsWith('SVC2'));
    expect(found.map((finding) => finding.code).toSorted()).toEqual(codes.toSorted());
    const finding = report.findings.find((candidate) => candidate.code === codes[0]);
    expect(finding?.nodes).toEqual(codes[0]?.startsWith('SVC2') === true ? [] : [NODE]);
    expect(finding?.severity).toBe(severity);
    if (port !== undefined) expect(finding?.servicePorts).toEqual([port]);
    for (const words of impact) expect(finding?.impact).toContain(words);
  });

  it('lets two Services claim the same external address', () => {
    const shared =
      '-A KUBE-SERVICES -d 198.51.100.9/32 -p tcp -m comment --comment "shop/other:http external IP" -m tcp --dport 80 -j ';
    const rule = `${shared}${portChains('shop/other:http', 'TCP').ext}`;
    const report = judge(damage(loadBalancer('Cluster'), NODE, before(['-A KUBE-SERVICES', 'external IP'], rule)));
    expect(report.findings).toEqual([]);
  });

  it('sees rules of kube-proxy in the other back end too', () => {
    const [finding, ...others] = judge(withBothBackEnds()).findings;
    expect(others).toEqual([]);
    expect(finding).toMatchObject({ code: 'SVC403', severity: 'warning', nodes: [NODE] });
    expect(finding?.actual.map(({ source }) => source)).toEqual(['iptables-legacy-save']);
  });

  it('lets a DNS cache on the node take over an address', () => {
    const raw = [
      '*raw',
      ':PREROUTING ACCEPT [0:0]',
      ':OUTPUT ACCEPT [0:0]',
      '-A PREROUTING -d 10.111.231.44/32 -p tcp -m tcp --dport 80 -j CT --notrack',
      '-A OUTPUT -d 10.111.231.44/32 -p tcp -m tcp --dport 80 -j NOTRACK',
      'COMMIT',
    ];
    expect(judge(damage(hostnames(), NODE, (lines) => [...raw, ...lines])).findings).toEqual([]);
  });

  it('lets other software change the source in place of kube-proxy', () => {
    const snat = '-A POSTROUTING -j SNAT --to-source 172.31.0.12 --random-fully';
    expect(judge(damage(hostnames(), NODE, before(['-A POSTROUTING'], snat))).findings).toEqual([]);
  });

  it('lets somebody count in KUBE-SERVICES', () => {
    const counting = before(['-A KUBE-SERVICES', 'cluster IP'], '-A KUBE-SERVICES -m comment --comment "look here"');
    expect(judge(damage(hostnames(), NODE, counting)).findings).toEqual([]);
  });

  it('fires every check of the hundreds 3 to 5', async () => {
    const { CHECKS } = await import('../../src/checks/index.ts');
    const fired = new Set(ROWS.flatMap((row) => row.codes));
    const elsewhere = new Set(['SVC326', 'SVC403']);
    const silent = CHECKS.filter(
      (check) => /SVC[345]/.test(check.id) && !fired.has(check.id) && !elsewhere.has(check.id),
    );
    expect(silent.map((check) => check.id)).toEqual([]);
  });
});
