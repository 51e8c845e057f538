import { describe, expect, test } from 'vitest';
import { chooseLive } from '../../src/kubeproxy/live-rules.ts';
import type { Ruleset } from '../../src/netfilter/rules.ts';
import { recordedRules } from './recordings.ts';

const NODE = 'rain-kubernetes-1';
const nft = (name: string): Ruleset => recordedRules(name, NODE, 'IPv4', 'nft');
const legacy = (name: string): Ruleset => recordedRules(name, NODE, 'IPv4', 'legacy');
const R37 = 'hostnames-1.37-iptables-nft';
const R28 = 'hostnames-1.28-iptables-legacy';

describe('the live back end', () => {
  test.each([
    ['nft', R37],
    ['legacy', R28],
  ])('is %s in %s, whatever the order', (backend, name) => {
    for (const rulesets of [
      [nft(name), legacy(name)],
      [legacy(name), nft(name)],
    ]) {
      const live = chooseLive(rulesets);
      expect(live?.ruleset.backend).toBe(backend);
      expect(live?.hasProxyRules).toBe(true);
      expect(live?.others).toEqual([]);
    }
  });

  test('two with rules of kube-proxy are both named', () => {
    const live = chooseLive([legacy(R28), nft(R37)]);
    expect(live?.others).toHaveLength(1);
    expect([live?.ruleset.backend, live?.others[0]?.backend].toSorted()).toEqual(['legacy', 'nft']);
  });

  test('none with rules: the back end a current iptables writes to', () => {
    const live = chooseLive([legacy(R37), nft(R28)]);
    expect(live).toMatchObject({ hasProxyRules: false, ruleset: { backend: 'nft' }, others: [] });
  });

  test('nothing was read', () => {
    expect(chooseLive([])).toBeNull();
  });
});
