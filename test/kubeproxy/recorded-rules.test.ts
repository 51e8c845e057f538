import { describe, expect, test } from 'vitest';
import { expectedRuleset } from '../../src/kubeproxy/assemble.ts';
import { expectNode } from '../../src/kubeproxy/expect-node.ts';
import { expectServicePort } from '../../src/kubeproxy/expect-service-port.ts';
import { endpointsFor } from '../../src/kubeproxy/endpoints.ts';
import type { ExpectedRule, ProxySettings } from '../../src/kubeproxy/expectation.ts';
import { inferSettings } from '../../src/kubeproxy/settings.ts';
import { FAMILIES, type Family } from '../../src/model/address.ts';
import type { Cluster } from '../../src/model/service.ts';
import { printRule } from '../../src/netfilter/print.ts';
import type { Ruleset } from '../../src/netfilter/rules.ts';
import { cidr, known, settingsOf } from './builders.ts';
import {
  IPTABLES_RECORDINGS,
  recordedCluster,
  recordedNodes,
  recordedRules,
  recordedRulesets,
  type Recording,
} from './recordings.ts';

/** kube-proxy visits Services in random order, so in these chains only the last rule has its place. */
const UNORDERED: ReadonlySet<string> = new Set(['KUBE-SERVICES', 'KUBE-NODEPORTS']);

/** Chains and rules as text, in their order where it means something. */
function linesOf(ruleset: Ruleset): readonly string[] {
  return [...ruleset.tables.values()].flatMap((table) =>
    [...table.chains.values()].flatMap((chain) => {
      const rules = chain.rules.map((rule) => `${table.name} ${printRule(rule)}`);
      const ordered = UNORDERED.has(chain.name) ? [...rules.slice(0, -1).toSorted(), ...rules.slice(-1)] : rules;
      return chain.policy === null ? [`${table.name} :${chain.name}`, ...ordered] : ordered;
    }),
  );
}

/** The settings the lab started kube-proxy with. */
function labSettings(recording: Recording, node: string, family: Family): ProxySettings {
  return settingsOf(recording.version, {
    family,
    nodeName: node,
    zone: 'z0',
    localDetection: known({ mode: 'source', cidr: cidr(family === 'IPv4' ? '10.168.0.0/16' : 'fd00:10:168::/48') }),
  });
}

function rulesExpected(cluster: Cluster, settings: ProxySettings): readonly ExpectedRule[] {
  const node = expectNode(settings);
  const ports = cluster.servicePorts
    .filter((port) => port.family === settings.family)
    .map((port) => expectServicePort(port, endpointsFor(cluster, port, settings), settings));
  return [
    ...node.jumps,
    ...node.chains.flatMap((chain) => chain.rules),
    ...node.nodePortsJumps,
    ...ports.flatMap((port) => [...port.entries, ...port.chains.flatMap((chain) => chain.rules)]),
  ];
}

const CASES = IPTABLES_RECORDINGS.flatMap((recording) =>
  recordedNodes(recording.name).flatMap((node) => FAMILIES.map((family) => ({ recording, node, family }))),
).filter(({ recording, family }) => recording.version !== '1.20.15' || family === 'IPv4');

describe('rules of real kube-proxies', () => {
  test.each(CASES)('$recording.name $node $family: every rule and chain, text-equal', ({ recording, node, family }) => {
    const recorded = linesOf(recordedRules(recording.name, node, family, recording.backend));
    const settings = labSettings(recording, node, family);
    const expected = linesOf(expectedRuleset(recordedCluster(recording.name), settings));
    expect(expected).toEqual(recorded);
    expect(recorded.length).toBeGreaterThan(25);
  });

  test.each(CASES)('$recording.name $node $family: by settings from the rules alone', ({ recording, node, family }) => {
    const cluster = recordedCluster(recording.name);
    const rulesets = recordedRulesets(recording.name);
    const settings = inferSettings({ cluster, kubeProxyObjects: undefined, rulesets }).settingsOf(node, family);
    if (settings === null) throw new Error('no settings were inferred');
    const rules = rulesExpected(cluster, settings);
    const good = new Set(
      rules.flatMap((rule) => [rule.rule, ...rule.alternatives].map((form) => `${rule.table} ${printRule(form)}`)),
    );
    const actual = linesOf(recordedRules(recording.name, node, family, recording.backend));
    const actualRules = actual.filter((line) => line.includes(' -A '));
    expect(actualRules.filter((line) => !good.has(line))).toEqual([]);
    const there = new Set(actual);
    const isThere = (rule: ExpectedRule): boolean =>
      [rule.rule, ...rule.alternatives].some((form) => there.has(`${rule.table} ${printRule(form)}`));
    const missing = rules.filter((rule) => rule.presence === 'required' && !isThere(rule));
    expect(missing.map((rule) => printRule(rule.rule))).toEqual([]);
  });

  test('up to 1.20 there is nothing in the other family', () => {
    const recording = { name: 'hostnames-1.20-iptables-legacy', version: '1.20.15', backend: 'legacy' } as const;
    const cluster = recordedCluster(recording.name);
    const settings = inferSettings({
      cluster,
      kubeProxyObjects: undefined,
      rulesets: recordedRulesets(recording.name),
    });
    expect(settings.settingsOf('rain-kubernetes-1', 'IPv6')?.borrowed).toBe('family');
    expect(settings.settingsOf('rain-kubernetes-1', 'IPv4')?.borrowed).toBeUndefined();
  });
});
