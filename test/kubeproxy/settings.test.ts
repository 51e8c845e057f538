import { describe, expect, test } from 'vitest';
import { expectedRuleset } from '../../src/kubeproxy/assemble.ts';
import type { ProxySettings } from '../../src/kubeproxy/expectation.ts';
import { inferSettings, type SettingsOfCluster } from '../../src/kubeproxy/settings.ts';
import { FAMILIES, type Family } from '../../src/model/address.ts';
import { parseCluster } from '../../src/model/parse-cluster.ts';
import type { Cluster } from '../../src/model/service.ts';
import { parseSave } from '../../src/netfilter/parse.ts';
import { printRuleset } from '../../src/netfilter/print.ts';
import type { Ruleset } from '../../src/netfilter/rules.ts';
import { cidr, ip, known, settingsOf } from './builders.ts';
import { recordedCluster, recordedNodes, recordedRulesets } from './recordings.ts';

type Rulesets = ReadonlyMap<string, Readonly<Record<Family, readonly Ruleset[]>>>;
type Change = (lines: readonly string[]) => readonly string[];

const NODES = ['rain-kubernetes-1', 'rain-kubernetes-2', 'rain-kubernetes-3'];
const NODE = 'rain-kubernetes-2';
const R37 = 'hostnames-1.37-iptables-nft';

function infer(cluster: Cluster, rulesets: Rulesets, kubeProxyObjects?: unknown): SettingsOfCluster {
  return inferSettings({ cluster, rulesets, kubeProxyObjects });
}

function settingsIn(all: SettingsOfCluster, node = NODE, family: Family = 'IPv4'): ProxySettings {
  const settings = all.settingsOf(node, family);
  if (settings === null) throw new Error(`no settings for ${node} ${family}`);
  return settings;
}

/** What an expectation is made of; where it came from may change with the evidence. */
function valuesOf(settings: ProxySettings): unknown {
  const { era, mark, masqueradeAll, localDetection, nodePortAddresses, localhostNodePorts, versionRange } = settings;
  return [era, mark, masqueradeAll, localDetection, nodePortAddresses, localhostNodePorts]
    .map((setting): unknown => setting.value)
    .concat(versionRange);
}

function reparse(ruleset: Ruleset, change: Change): Ruleset {
  const lines = printRuleset(ruleset).split('\n');
  const changed = change(lines);
  if (changed.join('\n') === lines.join('\n')) throw new Error('the damage changed nothing');
  const { family, backend, source } = ruleset;
  const parsed = parseSave(changed.join('\n'), { family, backend, source });
  if (parsed.status !== 'complete') throw new Error(parsed.reason);
  return parsed.ruleset;
}

function damaged(rulesets: Rulesets, node: string, change: Change): Rulesets {
  const of = rulesets.get(node);
  if (of === undefined) throw new Error(`${node} has no rules`);
  return new Map(rulesets).set(node, { ...of, IPv4: of.IPv4.map((ruleset) => reparseIfOurs(ruleset, change)) });
}

function reparseIfOurs(ruleset: Ruleset, change: Change): Ruleset {
  return ruleset.tables.get('nat')?.chains.has('KUBE-SERVICES') ? reparse(ruleset, change) : ruleset;
}

function without(...words: readonly string[]): Change {
  return (lines) => lines.filter((line) => !words.every((word) => line.includes(word)));
}

function replacing(words: readonly string[], from: string, to: string): Change {
  return (lines) => lines.map((line) => (words.every((word) => line.includes(word)) ? line.replace(from, to) : line));
}

/** One damage each; none may change a setting, on three nodes or on one. */
const DAMAGES: readonly (readonly [string, Change])[] = [
  ['KUBE-MARK-MASQ sets another mark', replacing(['-A KUBE-MARK-MASQ'], '0x4000/0x4000', '0x8000/0x8000')],
  ['KUBE-MARK-MASQ is empty', without('-A KUBE-MARK-MASQ')],
  ['KUBE-POSTROUTING tests another mark', replacing(['-A KUBE-POSTROUTING', 'RETURN'], '0x4000/0x4000', '0x1/0x1')],
  ['KUBE-POSTROUTING is empty', without('-A KUBE-POSTROUTING')],
  ['a cluster IP mark is missing', without('-A KUBE-SVC-AC2ON6IKLZPGXVMV', 'KUBE-MARK-MASQ')],
  [
    'a cluster IP mark is for everybody',
    replacing(['-A KUBE-SVC-AC2ON6IKLZPGXVMV', 'MASQ'], '! -s 10.168.0.0/16 ', ''),
  ],
  [
    'a cluster IP mark has a narrow range',
    replacing(['-A KUBE-SVC-AC2ON6IKLZPGXVMV', 'MASQ'], '10.168.0.0/16', '10.9.0.0/16'),
  ],
  ['a cluster IP mark is not negated', replacing(['-A KUBE-SVC-AC2ON6IKLZPGXVMV', 'MASQ'], '! -s', '-s')],
  ['KUBE-SERVICES does not lead to KUBE-NODEPORTS', without('-A KUBE-SERVICES', '-j KUBE-NODEPORTS')],
  [
    'KUBE-SERVICES leads to KUBE-NODEPORTS without loopback',
    replacing(['-A KUBE-SERVICES', '-j KUBE-NODEPORTS'], '-A KUBE-SERVICES', '-A KUBE-SERVICES ! -d 127.0.0.0/8'),
  ],
  ['KUBE-FORWARD is empty', without('-A KUBE-FORWARD')],
  ['KUBE-FORWARD accepts another mark', replacing(['-A KUBE-FORWARD'], '0x4000/0x4000', '0x2000/0x2000')],
  ['KUBE-FIREWALL is empty', without('-A KUBE-FIREWALL')],
  ['nothing leads to KUBE-PROXY-FIREWALL', without('-j KUBE-PROXY-FIREWALL')],
  ['KUBE-NODEPORTS is empty', without('-A KUBE-NODEPORTS')],
  ['KUBE-EXT is empty', without('-A KUBE-EXT')],
  ['all comments are gone', (lines) => lines.map((line) => line.replace(/ -m comment --comment "[^"]*"/, ''))],
  ['filter is flushed', (lines) => lines.filter((line) => !/^-A (?:INPUT|FORWARD|OUTPUT) /.test(line))],
];

describe('settings by rules', () => {
  const cluster = recordedCluster(R37);
  const rulesets = recordedRulesets(R37);
  const healthy = valuesOf(settingsIn(infer(cluster, rulesets)));

  test('are those of a kube-proxy with a cluster CIDR', () => {
    const settings = settingsIn(infer(cluster, rulesets));
    expect(settings.localDetection.value).toEqual({ mode: 'source', cidr: cidr('10.168.0.0/16') });
    expect(settings).toMatchObject({
      era: { value: '1.25', origin: 'inferred' },
      mark: { value: 0x4000, origin: 'inferred' },
      masqueradeAll: { value: false },
      nodePortAddresses: { value: { mode: 'all' }, origin: 'inferred' },
      localhostNodePorts: { value: true, origin: 'inferred' },
      versionRange: { min: { minor: 31 }, max: { minor: 37 } },
      nodeName: NODE,
      zone: 'z1',
    });
  });

  test.each(DAMAGES)('three nodes, on one %s: nothing changes', (_, change) => {
    const all = infer(cluster, damaged(rulesets, NODE, change));
    expect(valuesOf(settingsIn(all, 'rain-kubernetes-1'))).toEqual(healthy);
    expect(valuesOf(settingsIn(all))).toEqual(healthy);
  });

  test.each(DAMAGES)('one node, %s: no setting is wrong', (_, change) => {
    const alone = new Map([...rulesets].filter(([name]) => name === NODE));
    const settings = settingsIn(infer(cluster, damaged(alone, NODE, change)));
    expect(settings.era.value).toBe('1.25');
    expect(settings.mark.value).toBe(0x4000);
    expect(settings.masqueradeAll.value).toBe(false);
    expect(settings.nodePortAddresses.value).toEqual({ mode: 'all' });
    expect([true, null]).toContain(settings.localhostNodePorts.value);
    const detection = settings.localDetection.value;
    if (detection !== null) expect(detection).toEqual({ mode: 'source', cidr: cidr('10.168.0.0/16') });
    else expect(settings.localDetectionSeen).toContainEqual({ mode: 'source', cidr: cidr('10.168.0.0/16') });
  });

  test('a single Service without its mark rule tells nothing of local detection', () => {
    const nothing = parseCluster(new Map());
    const alone = new Map([...rulesets].filter(([name]) => name === NODE));
    const change = without('-A KUBE-SVC-', 'KUBE-MARK-MASQ');
    const bare = damaged(alone, NODE, (lines) =>
      change(lines).filter((line) => !/kubernetes:https|NPX46M4PTMTKRN6Y/.test(line)),
    );
    const settings = settingsIn(infer(nothing, bare));
    expect(settings.localDetection).toEqual({ value: null, origin: 'assumed', from: 'no rule that would tell' });
  });

  test('several Services without any mark rule have no local detection', () => {
    const none = new Map(
      [...rulesets.keys()].map((node) => [
        node,
        damaged(rulesets, node, without('-A KUBE-SVC-', 'KUBE-MARK-MASQ')).get(node)!,
      ]),
    );
    expect(settingsIn(infer(cluster, none)).localDetection).toMatchObject({
      value: { mode: 'none' },
      origin: 'inferred',
    });
  });

  test('a node whose rules are gone borrows the settings of the others', () => {
    const gone = damaged(rulesets, NODE, (lines) => lines.filter((line) => !line.includes('KUBE-')));
    const empty = new Map(gone).set(NODE, { IPv4: gone.get(NODE)!.IPv4, IPv6: [] });
    const all = infer(cluster, empty);
    const settings = settingsIn(all);
    expect(settings.borrowed).toBe('nodes');
    expect(valuesOf(settings)).toEqual(healthy);
    expect(settings.nodeName).toBe(NODE);
    expect(all.modeOf(NODE)).toEqual({ mode: 'iptables', from: 'rules of iptables mode on other nodes' });
    expect(all.liveOf(NODE, 'IPv4')).toMatchObject({ hasProxyRules: false });
    expect(all.liveOf(NODE, 'IPv6')).toBeNull();
  });

  test('a node that was not read at all gets settings too', () => {
    const others = new Map([...rulesets].filter(([name]) => name !== NODE));
    expect(valuesOf(settingsIn(infer(cluster, others)))).toEqual(healthy);
  });

  test('a node with a mark of its own keeps it', () => {
    const other = damaged(rulesets, NODE, (lines) => lines.map((line) => line.replaceAll('0x4000', '0x400')));
    const both = new Map(other).set(NODE, { IPv4: other.get(NODE)!.IPv4, IPv6: [] });
    const all = infer(cluster, both);
    expect(settingsIn(all).mark.value).toBe(0x400);
    expect(settingsIn(all, 'rain-kubernetes-1').mark.value).toBe(0x4000);
  });

  test('the order of nodes means nothing', () => {
    const reversed = new Map([...rulesets].toReversed());
    for (const family of FAMILIES) {
      expect(settingsIn(infer(cluster, reversed), NODE, family)).toEqual(
        settingsIn(infer(cluster, rulesets), NODE, family),
      );
    }
  });

  test('nothing of kube-proxy anywhere', () => {
    const all = infer(cluster, new Map([[NODE, { IPv4: [], IPv6: [] }]]));
    expect(all.settingsOf(NODE, 'IPv4')).toBeNull();
    expect(all.modeOf(NODE)).toEqual({ mode: 'none', from: 'no rule of kube-proxy on any node' });
  });

  test('a recording of nftables mode has no rules of iptables mode', () => {
    const name = 'hostnames-1.37-nftables';
    const all = infer(recordedCluster(name), recordedRulesets(name));
    expect(recordedNodes(name).map((node) => all.modeOf(node).mode)).toEqual(['none', 'none', 'none']);
  });
});

describe('settings by made rules', () => {
  const cluster = recordedCluster(R37);

  /** Rules a kube-proxy with these settings would have written on each node. */
  function written(change: (node: string, family: Family) => Partial<ProxySettings>, version = '1.37.2'): Rulesets {
    return new Map(
      NODES.map((node) => {
        const make = (family: Family): readonly Ruleset[] => [
          expectedRuleset(cluster, settingsOf(version, { family, nodeName: node, ...change(node, family) })),
        ];
        return [node, { IPv4: make('IPv4'), IPv6: make('IPv6') }];
      }),
    );
  }

  test('masqueradeAll', () => {
    const all = infer(
      cluster,
      written(() => ({ masqueradeAll: known(true) })),
    );
    expect(settingsIn(all).masqueradeAll).toMatchObject({ value: true, origin: 'inferred' });
  });

  test('NodeCIDR: each node its own', () => {
    const own = (node: string): ProxySettings['localDetection'] =>
      known({ mode: 'source', cidr: cidr(`10.168.${Number(node.slice(-1)) - 1}.0/24`) });
    const all = infer(
      cluster,
      written((node) => ({ localDetection: own(node) })),
    );
    for (const node of NODES) expect(settingsIn(all, node).localDetection.value).toEqual(own(node).value);
  });

  test('an interface prefix', () => {
    const detection = { mode: 'interface', name: 'veth+' } as const;
    const all = infer(
      cluster,
      written(() => ({ localDetection: known(detection) })),
    );
    expect(settingsIn(all).localDetection.value).toEqual(detection);
  });

  test('localhost node ports off', () => {
    const all = infer(
      cluster,
      written(() => ({ localhostNodePorts: known(false) })),
    );
    expect(settingsIn(all).localhostNodePorts).toMatchObject({ value: false, origin: 'inferred' });
  });

  test.each([
    ['of another interface: where a node has none, nothing is known', '172.30.9.1', null],
    ['the InternalIP of each: where a node has none, it is missing', '172.31.0.1', '172.31.0.13'],
  ])('single addresses for node ports, %s', (_, prefix, third) => {
    const only = (node: string): ProxySettings['nodePortAddresses'] =>
      known({ mode: 'restricted', addresses: node === 'rain-kubernetes-3' ? [] : [ip(`${prefix}${node.slice(-1)}`)] });
    const all = infer(
      cluster,
      written((node, family) => (family === 'IPv4' ? { nodePortAddresses: only(node) } : {})),
    );
    expect(settingsIn(all, NODE).nodePortAddresses.value).toEqual(only(NODE).value);
    const expected = third === null ? null : { mode: 'restricted', addresses: [third] };
    expect(settingsIn(all, 'rain-kubernetes-3').nodePortAddresses.value).toEqual(expected);
  });

  test.each([
    ['1.37.2', 31, 37, '1.25'],
    ['1.28.15', 27, 37, '1.25'],
    ['1.26.3', 26, 26, '1.25'],
    ['1.25.1', 25, 25, '1.25'],
    ['1.24.17', 24, 24, '1.24'],
    ['1.23.4', 23, 23, '1.22'],
    ['1.22.17', 22, 22, '1.22'],
    ['1.21.1', 21, 21, '1.21'],
    ['1.20.15', 20, 20, '1.20'],
    ['1.19.2', 19, 19, '1.20'],
    ['1.16.0', 16, 16, '1.20'],
  ])('rules of %s are told to be of 1.%i to 1.%i', (version, from, to, era) => {
    const settings = settingsIn(
      infer(
        cluster,
        written(() => ({}), version),
      ),
    );
    expect(settings.era.value).toBe(era);
    expect(settings.versionRange?.min.minor).toBeLessThanOrEqual(from);
    expect(settings.versionRange?.max.minor).toBeGreaterThanOrEqual(to);
  });
});
