import { describe, expect, test } from 'vitest';
import { assemble, expectedRuleset } from '../../src/kubeproxy/assemble.ts';
import { expectNode } from '../../src/kubeproxy/expect-node.ts';
import type { ExpectedRule, ProxySettings } from '../../src/kubeproxy/expectation.ts';
import { rangeOfMinors } from '../../src/kubeproxy/version.ts';
import { parseSave } from '../../src/netfilter/parse.ts';
import { printRule, printRuleset } from '../../src/netfilter/print.ts';
import { cidr, ip, known, settingsOf } from './builders.ts';
import { recordedCluster } from './recordings.ts';

function texts(rules: readonly ExpectedRule[]): readonly string[] {
  return rules.map(({ rule, presence, alternatives }) => {
    const text = printRule(rule)
      .replace(/^-A \S+ ?/, '')
      .replace(/-m comment --comment (?:"[^"]*"|\S+) ?/, '');
    return `${presence === 'accepted' ? '? ' : ''}${text}${alternatives.length > 0 ? ` (${alternatives.length} more)` : ''}`;
  });
}

function chain(settings: ProxySettings, name: string): readonly string[] {
  return texts(expectNode(settings).chains.find((one) => one.name === name)?.rules ?? []);
}

const ONE_RULE = '-m mark --mark 0x4000/0x4000 -j MASQUERADE';
const THREE_RULES = ['-m mark ! --mark 0x4000/0x4000 -j RETURN', '-j MARK --set-xmark 0x4000/0x0'];
const CONNTRACK = '-m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT';
const INVALID = '-m conntrack --ctstate INVALID -j DROP';
const COUNTED = '-m conntrack --ctstate INVALID -m nfacct --nfacct-name  ct_state_invalid_dropped_pkts -j DROP';
const MARKED = '-m mark --mark 0x4000/0x4000 -j ACCEPT';
const SOURCE = `-s 10.244.0.0/16 ${CONNTRACK}`;
const DESTINATION = `-d 10.244.0.0/16 ${CONNTRACK}`;

describe('fixed rules', () => {
  test.each([
    ['1.15.9', [ONE_RULE]],
    ['1.16.12', [`${ONE_RULE} --random-fully (1 more)`]],
    ['1.16.13', [...THREE_RULES, '-j MASQUERADE --random-fully (1 more)']],
    ['1.17.8', [`${ONE_RULE} --random-fully (1 more)`]],
    ['1.18.6', [...THREE_RULES, '-j MASQUERADE --random-fully (1 more)']],
    ['1.37.2', [...THREE_RULES, '-j MASQUERADE --random-fully (1 more)']],
    ['1.18', [...THREE_RULES.map((rule) => `? ${rule}`), '-j MASQUERADE --random-fully (3 more)']],
  ])('KUBE-POSTROUTING of %s', (version, rules) => {
    expect(chain(settingsOf(version), 'KUBE-POSTROUTING')).toEqual(rules);
  });

  test.each([
    ['1.13', [MARKED, SOURCE, DESTINATION]],
    ['1.14.1', [MARKED, SOURCE, DESTINATION]],
    ['1.14.2', [INVALID, MARKED, SOURCE, DESTINATION]],
    ['1.17', [INVALID, MARKED, SOURCE, DESTINATION]],
    ['1.18', [INVALID, MARKED, CONNTRACK, CONNTRACK]],
    ['1.22.17', [INVALID, MARKED, CONNTRACK, CONNTRACK]],
    ['1.23', [INVALID, MARKED, CONNTRACK]],
    ['1.28.15', [INVALID, MARKED, CONNTRACK]],
    ['1.29', [`? ${INVALID}`, MARKED, CONNTRACK]],
    ['1.31', [`? ${COUNTED} (1 more)`, MARKED, CONNTRACK]],
  ])('KUBE-FORWARD of %s', (version, rules) => {
    expect(chain(settingsOf(version), 'KUBE-FORWARD')).toEqual(rules);
  });

  test('KUBE-FORWARD up to 1.17 without a cluster CIDR accepts marked packets only', () => {
    const settings = settingsOf('1.17', { localDetection: known({ mode: 'none' }) });
    expect(chain(settings, 'KUBE-FORWARD')).toEqual([INVALID, MARKED]);
  });

  test('1.22 or 1.23, not known: the second conntrack rule may be there', () => {
    const settings = settingsOf('1.22', { version: known(null), versionRange: rangeOfMinors(22, 23) });
    expect(chain(settings, 'KUBE-FORWARD')).toEqual([INVALID, MARKED, CONNTRACK, `? ${CONNTRACK}`]);
  });

  const LOCALNET = '! -s 127.0.0.0/8 -d 127.0.0.0/8 -m conntrack ! --ctstate RELATED,ESTABLISHED,DNAT -j DROP';

  test.each<[string, string, Partial<ProxySettings>, string | undefined]>([
    ['1.27 writes it', '1.27', {}, LOCALNET],
    ['1.26 leaves it to kubelet', '1.26', {}, `? ${LOCALNET}`],
    ['off', '1.37', { localhostNodePorts: known(false) }, `? ${LOCALNET}`],
    ['not known', '1.37', { localhostNodePorts: known(null) }, `? ${LOCALNET}`],
    [
      'kept out by nodePortAddresses',
      '1.37',
      { nodePortAddresses: known({ mode: 'restricted', addresses: [ip('10.0.0.5')] }) },
      `? ${LOCALNET}`,
    ],
    [
      'let in by nodePortAddresses',
      '1.37',
      { nodePortAddresses: known({ mode: 'restricted', addresses: [ip('127.0.0.1')] }) },
      LOCALNET,
    ],
    ['IPv6 has none', '1.37', { family: 'IPv6' }, undefined],
  ])('localnet rule: %s', (_, version, change, rule) => {
    expect(chain(settingsOf(version, change), 'KUBE-FIREWALL').find((text) => text.includes('RELATED'))).toBe(rule);
  });

  test('the mark is the configured one everywhere', () => {
    const settings = settingsOf('1.37.2', { mark: known(0x400) });
    const all = expectNode(settings)
      .chains.flatMap((one) => one.rules)
      .map(({ rule }) => printRule(rule));
    expect(all.filter((text) => text.includes('0x400/'))).toHaveLength(4);
    expect(all.join('\n')).not.toContain('0x4000');
  });
});

describe('jumps', () => {
  const jumps = (version: string): readonly string[] =>
    expectNode(settingsOf(version)).jumps.map(({ rule, presence }) => {
      const target = rule.target.kind === 'jump' ? rule.target.chain : '';
      return `${presence === 'accepted' ? '? ' : ''}${rule.chain} ${target}`;
    });
  const ALWAYS = [
    'INPUT KUBE-EXTERNAL-SERVICES',
    'FORWARD KUBE-FORWARD',
    'OUTPUT KUBE-SERVICES',
    'PREROUTING KUBE-SERVICES',
    'POSTROUTING KUBE-POSTROUTING',
  ];

  test.each([
    [
      '1.19',
      ['INPUT KUBE-SERVICES', 'FORWARD KUBE-SERVICES', '? INPUT KUBE-FIREWALL'],
      ['FORWARD KUBE-EXTERNAL-SERVICES', 'INPUT KUBE-NODEPORTS'],
    ],
    [
      '1.20',
      ['FORWARD KUBE-EXTERNAL-SERVICES', '? INPUT KUBE-SERVICES'],
      ['INPUT KUBE-SERVICES', 'INPUT KUBE-NODEPORTS'],
    ],
    ['1.24', ['INPUT KUBE-NODEPORTS', '? OUTPUT KUBE-FIREWALL'], ['INPUT KUBE-PROXY-FIREWALL']],
    [
      '1.26',
      ['INPUT KUBE-PROXY-FIREWALL', 'FORWARD KUBE-PROXY-FIREWALL', '? INPUT KUBE-FIREWALL'],
      ['INPUT KUBE-FIREWALL'],
    ],
    ['1.27', ['INPUT KUBE-FIREWALL', 'OUTPUT KUBE-FIREWALL'], ['FORWARD KUBE-FIREWALL']],
  ])('of %s', (version, there, absent) => {
    const found = jumps(version);
    expect(found).toEqual(expect.arrayContaining([...ALWAYS, ...there]));
    for (const jump of absent) expect(found).not.toContain(jump);
  });
});

describe('how node ports are reached', () => {
  const OPEN = '-m addrtype --dst-type LOCAL -j KUBE-NODEPORTS';

  test.each<[string, string, Partial<ProxySettings>, readonly string[]]>([
    ['all addresses', '1.37', {}, [OPEN]],
    ['without localhost', '1.37', { localhostNodePorts: known(false) }, [`! -d 127.0.0.0/8 ${OPEN}`]],
    ['localhost not known', '1.37', { localhostNodePorts: known(null) }, [`${OPEN} (1 more)`]],
    ['IPv6', '1.26', { family: 'IPv6' }, [`! -d ::1/128 ${OPEN}`]],
    ['IPv6 up to 1.25', '1.25', { family: 'IPv6' }, [OPEN]],
    ['1.25 knows no localhostNodePorts', '1.25', { localhostNodePorts: known(false) }, [OPEN]],
    ['not known', '1.37', { nodePortAddresses: known(null) }, [`? ${OPEN}`]],
    [
      'two addresses',
      '1.37',
      { nodePortAddresses: known({ mode: 'restricted', addresses: [ip('10.0.0.5'), ip('10.0.0.6')] }) },
      ['-d 10.0.0.5/32 -j KUBE-NODEPORTS', '-d 10.0.0.6/32 -j KUBE-NODEPORTS'],
    ],
    ['no address', '1.37', { nodePortAddresses: known({ mode: 'restricted', addresses: [] }) }, []],
  ])('%s', (_, version, change, rules) => {
    expect(texts(expectNode(settingsOf(version, change)).nodePortsJumps)).toEqual(rules);
  });
});

describe('assembled rules', () => {
  const cluster = recordedCluster('hostnames-1.37-iptables-nft');
  const versions = ['1.14.2', '1.20.15', '1.21.1', '1.22.17', '1.23.4', '1.24.17', '1.26.0', '1.37.2'];

  test.each(versions)('of %s are read back as they were made', (version) => {
    const settings = settingsOf(version, { localDetection: known({ mode: 'source', cidr: cidr('10.168.0.0/16') }) });
    const made = expectedRuleset(cluster, settings);
    const parsed = parseSave(printRuleset(made), { family: 'IPv4', backend: 'unknown', source: 'made' });
    expect(parsed).toMatchObject({ status: 'complete', notes: [] });
    if (parsed.status !== 'complete') return;
    expect(printRuleset(parsed.ruleset)).toBe(printRuleset(made));
  });

  test('built-in chains come first, then the others by name', () => {
    const names = [
      ...(assemble(expectNode(settingsOf('1.37.2')), [], 'IPv4')
        .tables.get('nat')
        ?.chains.keys() ?? []),
    ];
    expect(names.slice(0, 4)).toEqual(['PREROUTING', 'INPUT', 'OUTPUT', 'POSTROUTING']);
    expect(names.slice(4)).toEqual(names.slice(4).toSorted());
    expect(names).toContain('KUBE-NODEPORTS');
  });
});
