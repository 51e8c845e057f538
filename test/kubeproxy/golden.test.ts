import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { assemble } from '../../src/kubeproxy/assemble.ts';
import { expectNode } from '../../src/kubeproxy/expect-node.ts';
import { expectServicePort } from '../../src/kubeproxy/expect-service-port.ts';
import type { ProxySettings } from '../../src/kubeproxy/expectation.ts';
import type { Endpoint, Service, ServicePort } from '../../src/model/service.ts';
import { printRule } from '../../src/netfilter/print.ts';
import { cidr, endpoint, ip, known, makePort, NODE, portOf, makeService, settingsOf } from './builders.ts';

/**
 * Rule texts that were loaded into iptables 1.8.9 and saved again, in the order of iptables-save; each line has its
 * table in front. Chains of which a file holds no rule are not compared.
 */
function golden(name: string): readonly string[] {
  return readFileSync(join(import.meta.dirname, 'golden', name), 'utf8')
    .trimEnd()
    .split('\n');
}

type Port = readonly [ServicePort, readonly Endpoint[]];

function expectedLines(ports: readonly Port[], settings: ProxySettings, wanted: readonly string[]): readonly string[] {
  const compared = new Set(wanted.map(chainOf));
  const made = ports.map(([port, endpoints]) => expectServicePort(port, endpoints, settings));
  const ruleset = assemble(expectNode(settings), made, settings.family);
  const lines = [...ruleset.tables.values()].flatMap((table) =>
    [...table.chains.values()].flatMap((chain) => chain.rules.map((rule) => `${table.name} ${printRule(rule)}`)),
  );
  return lines.filter((line) => compared.has(chainOf(line)));
}

function chainOf(line: string): string {
  const [table = '', , chain = ''] = line.split(' ', 3);
  return `${table} ${chain}`;
}

const WEB: Partial<Service> = {
  type: 'LoadBalancer',
  externalIPs: [ip('198.51.100.9')],
  loadBalancerIngress: [{ ip: ip('203.0.113.20'), ipMode: null }],
};

const WEB_ENDPOINTS = [
  endpoint('10.244.1.5:8080', { node: NODE }),
  endpoint('10.244.2.6:8080'),
  endpoint('10.244.10.7:8080'),
];

const HOSTNAMES_ENDPOINTS = [
  endpoint('10.168.0.10:9376', { node: NODE }),
  endpoint('10.168.1.12:9376'),
  endpoint('10.168.2.21:9376'),
];

describe('rules, text-equal', () => {
  test('1.27: a load balancer with everything', () => {
    const wanted = golden('everything-1.27.rules');
    const port = makePort(
      {
        ...WEB,
        externalTrafficPolicy: 'Local',
        healthCheckNodePort: 31_234,
        sourceRanges: [cidr('192.0.2.0/24'), cidr('10.0.0.0/8')],
        affinitySeconds: 10_800,
      },
      30_080,
    );
    expect(expectedLines([[port, WEB_ENDPOINTS]], settingsOf('1.27.1'), wanted)).toEqual(wanted);
  });

  test('1.15: the article’s Service with externalTrafficPolicy Local and an external IP', () => {
    const wanted = golden('article-1.15.rules');
    const port = makePort(
      {
        name: 'hostnames',
        type: 'NodePort',
        clusterIPs: [ip('10.111.231.44')],
        externalIPs: [ip('80.11.12.10')],
        externalTrafficPolicy: 'Local',
      },
      30_000,
    );
    const settings = settingsOf('1.15.0', { localDetection: known({ mode: 'source', cidr: cidr('10.168.0.0/16') }) });
    const lines = expectedLines([[port, HOSTNAMES_ENDPOINTS]], settings, wanted);
    expect(lines.filter((line) => !line.endsWith('-j KUBE-NODEPORTS'))).toEqual(wanted);
  });

  test('1.26, IPv6: session affinity, and a Service without endpoints', () => {
    const wanted = golden('ipv6-1.26.rules');
    const kubernetes = portOf(
      makeService({
        name: 'kubernetes',
        clusterIPs: [ip('fd00:10:96::1')],
        affinitySeconds: 10_800,
        ports: [{ name: 'https', protocol: 'TCP', port: 443, targetPort: null, nodePort: 0 }],
      }),
      'IPv6',
    );
    const lonely = portOf(
      makeService({
        name: 'lonely',
        type: 'NodePort',
        clusterIPs: [ip('fd00:10:96::9')],
        ports: [{ name: 'web', protocol: 'UDP', port: 53, targetPort: null, nodePort: 30_053 }],
      }),
      'IPv6',
    );
    const settings = settingsOf('1.26.0', { family: 'IPv6' });
    const ports: readonly Port[] = [
      [kubernetes, [endpoint('[fd00:10:244::5]:6443')]],
      [lonely, []],
    ];
    expect(expectedLines(ports, settings, wanted)).toEqual(wanted);
  });

  test('1.22: a load balancer with one source range', () => {
    const wanted = golden('load-balancer-1.22.rules');
    const port = makePort({ ...WEB, sourceRanges: [cidr('192.0.2.0/24')] }, 30_080);
    const lines = expectedLines([[port, WEB_ENDPOINTS]], settingsOf('1.22.17'), wanted);
    expect(lines.filter((line) => !line.endsWith('-j KUBE-NODEPORTS'))).toEqual(wanted);
  });
});
