/** Rule sets no kube-proxy writes: an answer or a note, never a crash, and nothing that grows with the square. */
import { describe, expect, it } from 'vitest';
import type { Report } from '../../src/model/report.ts';
import { renderTerminal } from '../../src/render/terminal.ts';
import { damage } from '../build.ts';
import { hostnames, loadBalancer } from '../checks/clusters.ts';
import { NODE, judge } from '../checks/damage-rows.ts';

const SVC = 'KUBE-SVC-AC2ON6IKLZPGXVMV';
const SEP = 'KUBE-SEP-G7HB53TC4RAEG2Q6';
/** With a square of this in it the test would not end. */
const MANY = 100_000;

function many(make: (number: number, address: string) => string): readonly string[] {
  return Array.from({ length: MANY }, (_, index) => make(index, `10.97.${(index >> 8) & 255}.${index & 255}`));
}

/** The rules, ahead of the first of the chain. */
function ahead(chain: string, rules: readonly string[]): Report {
  return judge(
    damage(hostnames(), NODE, (lines) => {
      const at = lines.findIndex((line) => line.startsWith(`-A ${chain} `));
      return [...lines.slice(0, at), ...rules, ...lines.slice(at)];
    }),
  );
}

function codes(report: Report): readonly string[] {
  return report.findings.map(({ code, severity }) => `${code} ${severity}`);
}

describe('absurd rules', () => {
  it.each([
    [
      '100,000 entries of others',
      'KUBE-SERVICES',
      many((number, ip) => `-A KUBE-SERVICES -d ${ip}/32 -p tcp -m tcp --dport ${number % 60_000} -j KUBE-MARK-MASQ`),
      [],
    ],
    [
      '100,000 rules in a chain of its own',
      SVC,
      many((_, ip) => `-A ${SVC} -s ${ip}/32 -j RETURN`),
      ['SVC402 warning'],
    ],
    [
      '100,000 balancing rules',
      SVC,
      many(() => `-A ${SVC} -m statistic --mode random --probability 0.0001 -j ${SEP}`),
      ['SVC332 error', 'SVC345 error'],
    ],
    [
      '100,000 rules in KUBE-POSTROUTING',
      'KUBE-POSTROUTING',
      many((_, ip) => `-A KUBE-POSTROUTING -s ${ip}/32 -j RETURN`),
      [],
    ],
    ['100,000 rules of a firewall', 'FORWARD', many((_, ip) => `-A FORWARD -s ${ip}/32 -j DROP`), []],
    ['a chain that calls itself', SVC, [`-A ${SVC} -j ${SVC}`], ['SVC402 error']],
    ['chains that call each other', 'KUBE-MARK-MASQ', ['-A KUBE-MARK-MASQ -j KUBE-SERVICES'], ['SVC501 error']],
    ['a jump to nowhere', SVC, [`-A ${SVC} -j KUBE-NOWHERE`], ['SVC402 warning']],
    [
      'a comment of 64 kB',
      SVC,
      [`-A ${SVC} -m comment --comment "${'x'.repeat(65_536)}" -j KUBE-MARK-MASQ`],
      ['SVC402 error'],
    ],
  ] as const)('%s', (_, chain, rules, expected) => {
    const report = ahead(chain, rules);
    expect(codes(report)).toEqual(expected);
    const screen = renderTerminal(report, { color: false, width: 100, wide: false, program: 'kubectl svcdoctor' });
    expect(screen.length).toBeLessThan(10_000);
  });

  it('a chain that is declared nowhere, and jumped to', () => {
    const report = judge(
      damage(hostnames(), NODE, (lines) => lines.filter((line) => !new RegExp(`^(?::|-A )${SEP} `).test(line))),
    );
    expect(codes(report)).toEqual(['SVC321 error']);
  });
});

describe('nodes with one text of rules', () => {
  it('are judged each for itself where its endpoints matter', () => {
    const cluster = loadBalancer('Local');
    const [first] = cluster.nodes;
    const nodes = cluster.nodes.map((node) => ({ ...node, files: first?.files ?? node.files }));
    const report = judge({ ...cluster, nodes });
    // On the third the client waits in vain either way: a warning.
    const found = report.findings.filter(({ severity }) => severity !== 'info');
    expect(new Set(found.flatMap((finding) => finding.nodes))).toEqual(
      new Set(['rain-kubernetes-2', 'rain-kubernetes-3']),
    );
  });

  it('share what is right, and each has what is wrong', () => {
    const cluster = damage(hostnames(), NODE, (lines) =>
      lines.filter((line) => !line.includes('--to-destination 10.168.1.12:9376')),
    );
    const broken = cluster.nodes.find(({ name }) => name === NODE);
    const nodes = cluster.nodes.map((node) => ({ ...node, files: broken?.files ?? node.files }));
    const { findings } = judge({ ...cluster, nodes });
    expect(findings.map(({ code, nodes: of, servicePorts }) => [code, of.length, servicePorts])).toEqual([
      ['SVC321', 3, ['default/hostnames:http']],
    ]);
  });
});
