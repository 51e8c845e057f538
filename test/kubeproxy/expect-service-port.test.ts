import { describe, expect, test } from 'vitest';
import { candidateSettings } from '../../src/kubeproxy/candidates.ts';
import { expectServicePort } from '../../src/kubeproxy/expect-service-port.ts';
import type { ExpectedServicePort, ProxySettings } from '../../src/kubeproxy/expectation.ts';
import { rangeOfMinors } from '../../src/kubeproxy/version.ts';
import type { Endpoint, Service } from '../../src/model/service.ts';
import { printRule } from '../../src/netfilter/print.ts';
import { cidr, endpoint, ip, known, makePort, NODE, settingsOf } from './builders.ts';

const HERE = [endpoint('10.244.1.5:8080', { node: NODE })];
const THERE = [endpoint('10.244.2.6:8080')];
const H = 'CDGGSHYLG3RE2FKL';
const LB: Partial<Service> = {
  type: 'LoadBalancer',
  loadBalancerIngress: [{ ip: ip('203.0.113.20'), ipMode: null }],
};
const TWO_LBS: Partial<Service> = {
  type: 'LoadBalancer',
  loadBalancerIngress: [
    { ip: ip('203.0.113.20'), ipMode: null },
    { ip: ip('203.0.113.21'), ipMode: 'VIP' },
  ],
  sourceRanges: [cidr('192.0.2.0/24')],
};
const RANGES = { sourceRanges: [cidr('192.0.2.0/24')] };
const LOCAL: Partial<Service> = { type: 'NodePort', externalTrafficPolicy: 'Local' };

/** Rules in short: table, chain, destination or port, target; in front `?` when the rule may be missing. */
function short(expected: ExpectedServicePort): readonly string[] {
  const rules = [...expected.entries, ...expected.chains.flatMap((chain) => chain.rules)];
  return rules
    .filter((rule) => !rule.rule.chain.startsWith('KUBE-SEP-'))
    .map(({ table, rule, presence }) => {
      const text = printRule(rule)
        .replace(/^-A /, `${table} `)
        .replaceAll(/ -m comment --comment (?:"[^"]*"|\S+)/g, '')
        .replaceAll(/ -[pm] tcp/g, '')
        .replaceAll(`-${H}`, '')
        .replace(/ --reject-with \S+/, '')
        .replace(/KUBE-SEP-\S+/, 'SEP');
      return presence === 'accepted' ? `? ${text}` : text;
    });
}

interface Row {
  readonly name: string;
  readonly version?: string;
  readonly service?: Partial<Service>;
  readonly nodePort?: number;
  readonly endpoints?: readonly Endpoint[];
  readonly settings?: Partial<ProxySettings>;
  readonly rules: readonly string[];
}

const MARK = 'nat KUBE-SVC ! -s 10.244.0.0/16 -d 10.96.0.20/32 --dport 80 -j KUBE-MARK-MASQ';
const ENTRY = 'nat KUBE-SERVICES -d 10.96.0.20/32 --dport 80 -j KUBE-SVC';
const POLICY_EXT = [
  'nat KUBE-EXT -s 10.244.0.0/16 -j KUBE-SVC',
  'nat KUBE-EXT -m addrtype --src-type LOCAL -j KUBE-MARK-MASQ',
  'nat KUBE-EXT -m addrtype --src-type LOCAL -j KUBE-SVC',
];

const ROWS: readonly Row[] = [
  { name: 'cluster IP', rules: [ENTRY, MARK, 'nat KUBE-SVC -j SEP'] },
  {
    name: 'no endpoints: only rejections',
    service: { ...LB, ...RANGES, externalIPs: [ip('198.51.100.9')] },
    nodePort: 30_080,
    endpoints: [],
    rules: [
      'filter KUBE-SERVICES -d 10.96.0.20/32 --dport 80 -j REJECT',
      'filter KUBE-EXTERNAL-SERVICES -d 198.51.100.9/32 --dport 80 -j REJECT',
      'filter KUBE-EXTERNAL-SERVICES -d 203.0.113.20/32 --dport 80 -j REJECT',
      'filter KUBE-EXTERNAL-SERVICES -m addrtype --dst-type LOCAL --dport 30080 -j REJECT',
    ],
  },
  {
    name: 'no endpoints: the health check is let in all the same',
    service: { ...LB, externalTrafficPolicy: 'Local', healthCheckNodePort: 31_234 },
    endpoints: [],
    rules: [
      'filter KUBE-SERVICES -d 10.96.0.20/32 --dport 80 -j REJECT',
      'filter KUBE-EXTERNAL-SERVICES -d 203.0.113.20/32 --dport 80 -j REJECT',
      'filter KUBE-NODEPORTS --dport 31234 -j ACCEPT',
    ],
  },
  {
    name: 'a health-check port means nothing with policy Cluster',
    service: { type: 'LoadBalancer', healthCheckNodePort: 31_234 },
    rules: [ENTRY, MARK, 'nat KUBE-SVC -j SEP'],
  },
  {
    name: 'external Local without a local endpoint: nat leads pods on, filter drops the rest',
    service: LOCAL,
    nodePort: 30_080,
    endpoints: THERE,
    rules: [
      ENTRY,
      '? nat KUBE-NODEPORTS -d 127.0.0.0/8 --dport 30080 -m nfacct --nfacct-name  localhost_nps_accepted_pkts -j KUBE-EXT',
      'nat KUBE-NODEPORTS --dport 30080 -j KUBE-EXT',
      'filter KUBE-EXTERNAL-SERVICES -m addrtype --dst-type LOCAL --dport 30080 -j DROP',
      MARK,
      'nat KUBE-SVC -j SEP',
      ...POLICY_EXT,
    ],
  },
  {
    name: 'internal Local without a local endpoint drops',
    service: { internalTrafficPolicy: 'Local' },
    endpoints: THERE,
    rules: ['filter KUBE-SERVICES -d 10.96.0.20/32 --dport 80 -j DROP'],
  },
  {
    name: 'both Local with a local endpoint: the mark rule is in KUBE-SVL',
    service: { ...LOCAL, internalTrafficPolicy: 'Local' },
    nodePort: 30_080,
    endpoints: HERE,
    settings: { localhostNodePorts: known(false) },
    rules: [
      'nat KUBE-SERVICES -d 10.96.0.20/32 --dport 80 -j KUBE-SVL',
      'nat KUBE-NODEPORTS --dport 30080 -j KUBE-EXT',
      'nat KUBE-SVC -j SEP',
      'nat KUBE-SVL ! -s 10.244.0.0/16 -d 10.96.0.20/32 --dport 80 -j KUBE-MARK-MASQ',
      'nat KUBE-SVL -j SEP',
      ...POLICY_EXT,
      'nat KUBE-EXT -j KUBE-SVL',
    ],
  },
  {
    name: 'two load-balancer addresses with ranges',
    service: TWO_LBS,
    rules: [
      ENTRY,
      'nat KUBE-SERVICES -d 203.0.113.20/32 --dport 80 -j KUBE-FW',
      'nat KUBE-SERVICES -d 203.0.113.21/32 --dport 80 -j KUBE-FW',
      'filter KUBE-PROXY-FIREWALL -d 203.0.113.20/32 --dport 80 -j DROP',
      'filter KUBE-PROXY-FIREWALL -d 203.0.113.21/32 --dport 80 -j DROP',
      MARK,
      'nat KUBE-SVC -j SEP',
      'nat KUBE-EXT -j KUBE-MARK-MASQ',
      'nat KUBE-EXT -j KUBE-SVC',
      'nat KUBE-FW -s 192.0.2.0/24 -j KUBE-EXT',
      '? nat KUBE-FW',
    ],
  },
  {
    name: '1.24: the blocks of KUBE-FW repeat for each address',
    version: '1.24.17',
    service: TWO_LBS,
    rules: [
      ENTRY,
      'nat KUBE-SERVICES -d 203.0.113.20/32 --dport 80 -j KUBE-FW',
      'nat KUBE-SERVICES -d 203.0.113.21/32 --dport 80 -j KUBE-FW',
      MARK,
      'nat KUBE-SVC -j SEP',
      'nat KUBE-EXT -j KUBE-MARK-MASQ',
      'nat KUBE-EXT -j KUBE-SVC',
      'nat KUBE-FW -s 192.0.2.0/24 -j KUBE-EXT',
      'nat KUBE-FW -j KUBE-MARK-DROP',
      'nat KUBE-FW -s 192.0.2.0/24 -j KUBE-EXT',
      'nat KUBE-FW -j KUBE-MARK-DROP',
    ],
  },
  {
    name: '1.24: internal Local without a local endpoint leads into a dropping chain',
    version: '1.24.17',
    service: { internalTrafficPolicy: 'Local' },
    endpoints: THERE,
    rules: [
      'nat KUBE-SERVICES -d 10.96.0.20/32 --dport 80 -j KUBE-SVL',
      'nat KUBE-SVL ! -s 10.244.0.0/16 -d 10.96.0.20/32 --dport 80 -j KUBE-MARK-MASQ',
      'nat KUBE-SVL -j KUBE-MARK-DROP',
    ],
  },
  {
    name: 'a range that holds the node lets the node in by the load-balancer address',
    service: { ...LB, sourceRanges: [cidr('10.0.0.0/8')] },
    rules: [
      ENTRY,
      'nat KUBE-SERVICES -d 203.0.113.20/32 --dport 80 -j KUBE-FW',
      'filter KUBE-PROXY-FIREWALL -d 203.0.113.20/32 --dport 80 -j DROP',
      MARK,
      'nat KUBE-SVC -j SEP',
      'nat KUBE-EXT -j KUBE-MARK-MASQ',
      'nat KUBE-EXT -j KUBE-SVC',
      'nat KUBE-FW -s 10.0.0.0/8 -j KUBE-EXT',
      'nat KUBE-FW -s 203.0.113.20/32 -j KUBE-EXT',
      '? nat KUBE-FW',
    ],
  },
  {
    name: 'when its address is not certain, that rule may be there',
    service: { ...LB, sourceRanges: [cidr('10.0.0.0/8')] },
    settings: { nodeIPs: [ip('10.0.0.5'), ip('127.0.0.1')] },
    version: '1.26',
    rules: [
      ENTRY,
      'nat KUBE-SERVICES -d 203.0.113.20/32 --dport 80 -j KUBE-FW',
      'filter KUBE-PROXY-FIREWALL -d 203.0.113.20/32 --dport 80 -j DROP',
      MARK,
      'nat KUBE-SVC -j SEP',
      'nat KUBE-EXT -j KUBE-MARK-MASQ',
      'nat KUBE-EXT -j KUBE-SVC',
      'nat KUBE-FW -s 10.0.0.0/8 -j KUBE-EXT',
      '? nat KUBE-FW -s 203.0.113.20/32 -j KUBE-EXT',
    ],
  },
  {
    name: '1.33: a range of /0 is a range like others',
    version: '1.33.13',
    service: { ...LB, sourceRanges: [cidr('0.0.0.0/0')] },
    rules: [
      ENTRY,
      'nat KUBE-SERVICES -d 203.0.113.20/32 --dport 80 -j KUBE-FW',
      'filter KUBE-PROXY-FIREWALL -d 203.0.113.20/32 --dport 80 -j DROP',
      MARK,
      'nat KUBE-SVC -j SEP',
      'nat KUBE-EXT -j KUBE-MARK-MASQ',
      'nat KUBE-EXT -j KUBE-SVC',
      'nat KUBE-FW -j KUBE-EXT',
      'nat KUBE-FW -s 203.0.113.20/32 -j KUBE-EXT',
      '? nat KUBE-FW',
    ],
  },
  {
    name: '1.37: a range of /0 is no restriction',
    service: { ...LB, sourceRanges: [cidr('0.0.0.0/0'), cidr('192.0.2.0/24')] },
    rules: [
      ENTRY,
      'nat KUBE-SERVICES -d 203.0.113.20/32 --dport 80 -j KUBE-EXT',
      MARK,
      'nat KUBE-SVC -j SEP',
      'nat KUBE-EXT -j KUBE-MARK-MASQ',
      'nat KUBE-EXT -j KUBE-SVC',
    ],
  },
  {
    name: 'masqueradeAll marks everybody',
    settings: { masqueradeAll: known(true) },
    rules: [ENTRY, 'nat KUBE-SVC -d 10.96.0.20/32 --dport 80 -j KUBE-MARK-MASQ', 'nat KUBE-SVC -j SEP'],
  },
  {
    name: 'no local detection: no mark rule',
    settings: { localDetection: known({ mode: 'none' }) },
    rules: [ENTRY, 'nat KUBE-SVC -j SEP'],
  },
  {
    name: 'an interface stands behind the address',
    settings: { localDetection: known({ mode: 'interface', name: 'veth+' }) },
    rules: [ENTRY, 'nat KUBE-SVC -d 10.96.0.20/32 ! -i veth+ --dport 80 -j KUBE-MARK-MASQ', 'nat KUBE-SVC -j SEP'],
  },
  {
    name: 'local detection not known: the rule may be there',
    settings: {
      localDetection: known(null),
      localDetectionSeen: [{ mode: 'source', cidr: cidr('10.244.0.0/16') }],
    },
    rules: [ENTRY, `? ${MARK}`, 'nat KUBE-SVC -j SEP'],
  },
  {
    name: '1.23: node port of a Local Service',
    version: '1.23',
    service: LOCAL,
    nodePort: 30_080,
    endpoints: THERE,
    rules: [
      ENTRY,
      'nat KUBE-NODEPORTS -s 127.0.0.0/8 --dport 30080 -j KUBE-MARK-MASQ',
      'nat KUBE-NODEPORTS --dport 30080 -j KUBE-XLB',
      MARK,
      'nat KUBE-SVC -j SEP',
      'nat KUBE-XLB -s 10.244.0.0/16 -j KUBE-SVC',
      'nat KUBE-XLB -m addrtype --src-type LOCAL -j KUBE-MARK-MASQ',
      'nat KUBE-XLB -m addrtype --src-type LOCAL -j KUBE-SVC',
      'nat KUBE-XLB -j KUBE-MARK-DROP',
    ],
  },
  {
    name: '1.22: without a node address in nodePortAddresses the rest is skipped',
    version: '1.22.17',
    service: { type: 'NodePort' },
    nodePort: 30_080,
    settings: { nodePortAddresses: known({ mode: 'restricted', addresses: [] }) },
    rules: [ENTRY, 'nat KUBE-NODEPORTS --dport 30080 -j KUBE-SVC'],
  },
  {
    name: '1.26: without one there is no node port rule',
    version: '1.26',
    service: { type: 'NodePort' },
    nodePort: 30_080,
    settings: { nodePortAddresses: known({ mode: 'restricted', addresses: [] }) },
    rules: [ENTRY, MARK, 'nat KUBE-SVC -j SEP', 'nat KUBE-EXT -j KUBE-MARK-MASQ', 'nat KUBE-EXT -j KUBE-SVC'],
  },
  {
    name: '1.26: nor one that blocks it',
    version: '1.26',
    service: { type: 'NodePort' },
    nodePort: 30_080,
    endpoints: [],
    settings: { nodePortAddresses: known({ mode: 'restricted', addresses: [] }) },
    rules: ['filter KUBE-SERVICES -d 10.96.0.20/32 --dport 80 -j REJECT'],
  },
  {
    name: '1.21: marks stand in the entry chains, and external IPs have one entry',
    version: '1.21',
    service: { type: 'NodePort', externalIPs: [ip('198.51.100.9')] },
    nodePort: 30_080,
    rules: [
      'nat KUBE-SERVICES ! -s 10.244.0.0/16 -d 10.96.0.20/32 --dport 80 -j KUBE-MARK-MASQ',
      ENTRY,
      'nat KUBE-SERVICES ! -s 10.244.0.0/16 -d 198.51.100.9/32 --dport 80 -j KUBE-MARK-MASQ',
      'nat KUBE-SERVICES -d 198.51.100.9/32 --dport 80 -j KUBE-SVC',
      'nat KUBE-NODEPORTS --dport 30080 -j KUBE-MARK-MASQ',
      'nat KUBE-NODEPORTS --dport 30080 -j KUBE-SVC',
      'nat KUBE-SVC -j SEP',
    ],
  },
  {
    name: '1.20: a Local Service with an external IP',
    version: '1.20.15',
    service: { ...LOCAL, externalIPs: [ip('198.51.100.9')] },
    endpoints: HERE,
    rules: [
      'nat KUBE-SERVICES ! -s 10.244.0.0/16 -d 10.96.0.20/32 --dport 80 -j KUBE-MARK-MASQ',
      ENTRY,
      'nat KUBE-SERVICES -d 198.51.100.9/32 --dport 80 -m physdev ! --physdev-is-in -m addrtype ! --src-type LOCAL -j KUBE-XLB',
      'nat KUBE-SERVICES -d 198.51.100.9/32 --dport 80 -m addrtype --dst-type LOCAL -j KUBE-XLB',
      'nat KUBE-SVC -j SEP',
      'nat KUBE-XLB -s 10.244.0.0/16 -j KUBE-SVC',
      'nat KUBE-XLB -m addrtype --src-type LOCAL -j KUBE-MARK-MASQ',
      'nat KUBE-XLB -m addrtype --src-type LOCAL -j KUBE-SVC',
      'nat KUBE-XLB -j SEP',
    ],
  },
  {
    name: '1.20: KUBE-FW stands before every load-balancer address',
    version: '1.20.15',
    service: LB,
    rules: [
      'nat KUBE-SERVICES ! -s 10.244.0.0/16 -d 10.96.0.20/32 --dport 80 -j KUBE-MARK-MASQ',
      ENTRY,
      'nat KUBE-SERVICES -d 203.0.113.20/32 --dport 80 -j KUBE-FW',
      'nat KUBE-SVC -j SEP',
      'nat KUBE-FW -j KUBE-MARK-MASQ',
      'nat KUBE-FW -j KUBE-SVC',
      'nat KUBE-FW -j KUBE-MARK-DROP',
    ],
  },
  {
    name: '1.20: load-balancer addresses are rejected for outside clients',
    version: '1.20',
    service: LB,
    endpoints: [],
    rules: [
      'filter KUBE-SERVICES -d 10.96.0.20/32 --dport 80 -j REJECT',
      'filter KUBE-EXTERNAL-SERVICES -d 203.0.113.20/32 --dport 80 -j REJECT',
    ],
  },
  {
    name: '1.19: load-balancer addresses are rejected where cluster IPs are',
    version: '1.19',
    service: LB,
    endpoints: [],
    rules: [
      'filter KUBE-SERVICES -d 10.96.0.20/32 --dport 80 -j REJECT',
      'filter KUBE-SERVICES -d 203.0.113.20/32 --dport 80 -j REJECT',
    ],
  },
];

describe('rules of a Service port', () => {
  test.each(ROWS)('$name', ({ version = '1.37.2', service, nodePort = 0, endpoints = HERE, settings, rules }) => {
    const port = makePort(service, nodePort);
    expect(short(expectServicePort(port, endpoints, settingsOf(version, settings)))).toEqual(rules);
  });

  test('between 1.33 and 1.37 a range of /0 may be either', () => {
    const port = makePort({ ...LB, sourceRanges: [cidr('0.0.0.0/0')] });
    const entryOf = (settings: ProxySettings): unknown =>
      expectServicePort(port, HERE, settings).entries.find((rule) => rule.role === 'load-balancer-entry')?.rule.target;
    const either = [
      { kind: 'jump', chain: `KUBE-EXT-${H}` },
      { kind: 'jump', chain: `KUBE-FW-${H}` },
    ];
    const inferred = settingsOf('1.37.2', { version: known(null), versionRange: rangeOfMinors(31, 37) });
    expect(candidateSettings(port, HERE, inferred).map(entryOf)).toEqual(either);
    expect(candidateSettings(port, HERE, settingsOf('1.35.1')).map(entryOf)).toEqual(either);
    expect(candidateSettings(port, HERE, settingsOf('1.37.2')).map(entryOf)).toEqual(either.slice(0, 1));
    expect(candidateSettings(port, HERE, settingsOf('1.33.13')).map(entryOf)).toEqual(either.slice(1));
  });

  test('more than 1,000 endpoints in the cluster: SVC and SEP rules lose their comments, others keep them', () => {
    const comments = (totalEndpoints: number): readonly (readonly [string, boolean])[] => {
      const expected = expectServicePort(makePort(), HERE, settingsOf('1.37.2'), { totalEndpoints });
      const rules = [...expected.entries, ...expected.chains.flatMap((chain) => chain.rules)];
      return rules.map(({ role, rule }) => [role, rule.comment !== null] as const);
    };
    expect(comments(1000).every(([, commented]) => commented)).toBe(true);
    expect(comments(1001)).toEqual([
      ['cluster-ip-entry', true],
      ['cluster-ip-mark', true],
      ['balance', false],
      ['hairpin-mark', false],
      ['dnat', false],
    ]);
  });

  test.each([
    ['1.20.15', 'Balancing rule 0 for default/web:http'],
    ['1.22.17', 'Balancing rule 0 for default/web:http'],
    ['1.23', 'default/web:http'],
  ])('the balancing rules of KUBE-XLB in %s are called "%s"', (version, comment) => {
    const { chains } = expectServicePort(makePort(LOCAL, 30_080), HERE, settingsOf(version));
    const xlb = chains.find((chain) => chain.role === 'xlb');
    expect(xlb?.rules.find((rule) => rule.role === 'balance')?.rule.comment).toBe(comment);
  });

  test('the chains of a port are known in every version, whether they exist or not', () => {
    const { ownChains } = expectServicePort(makePort(), [], settingsOf('1.37.2'));
    expect([...ownChains].toSorted()).toEqual(['EXT', 'FW', 'SVC', 'SVL', 'XLB'].map((kind) => `KUBE-${kind}-${H}`));
  });
});
