import { describe, expect, test } from 'vitest';
import { parseSave } from '../../src/netfilter/parse.ts';
import { printRule, ruleKey } from '../../src/netfilter/print.ts';
import { completeRuleset, rulesOf } from './parse-saves.ts';
import { largeSave, type LargeCluster } from './parse-large-save.ts';

const SMALL: LargeCluster = { services: 2, endpoints: 3, counters: true, comments: null, ipv6: false };

/** Far above what it takes anywhere; a square instead of a line is far above this. */
const MILLISECONDS = 20_000;

function fastest(run: () => void): number {
  const times = [0, 1, 2].map(() => {
    const start = performance.now();
    run();
    return performance.now() - start;
  });
  return Math.min(...times);
}

function reading(text = ''): () => void {
  return () => void completeRuleset(text);
}

function seconds(text: string): number {
  const start = performance.now();
  parseSave(text, { family: 'IPv4', backend: 'nft', source: 'x' });
  return (performance.now() - start) / 1000;
}

describe('the save of a large cluster', () => {
  test.each([
    { ...SMALL, services: 400 },
    { ...SMALL, services: 400, comments: true },
    { ...SMALL, services: 400, ipv6: true, counters: false },
  ])('is understood and printed as it was: %o', (cluster) => {
    const text = largeSave(cluster);
    const save = parseSave(text, { family: cluster.ipv6 ? 'IPv6' : 'IPv4', backend: 'nft', source: 'x' });
    expect(save).toMatchObject({ status: 'complete', notes: [] });
    const lines = text.split('\n').filter((line) => line.includes('-A '));
    const rules = rulesOf(completeRuleset(text, cluster.ipv6 ? 'IPv6' : 'IPv4')).toSorted((a, b) => a.line - b.line);
    expect(rules.map((rule) => (cluster.counters ? '[0:0] ' : '') + printRule(rule))).toEqual(lines);
  });

  test('takes time in proportion to its length', { timeout: MILLISECONDS }, () => {
    const [short, long] = [500, 4000].map((services) => largeSave({ ...SMALL, services, endpoints: 10 }));
    fastest(reading(short));
    expect(fastest(reading(long)) / fastest(reading(short))).toBeLessThan(8 * 4);
  });
});

describe('sizes that hide a square', () => {
  const rule = '-A A -p tcp -m tcp --dport 80 -j B';

  test.each([
    ['100,000 rules in one chain', ['*nat', ':A - [0:0]', ...Array<string>(100_000).fill(rule), 'COMMIT'].join('\n')],
    ['two chains turn by turn', ['*nat', ...Array<string>(50_000).fill(`${rule}\n-A B`), 'COMMIT'].join('\n')],
    ['100,000 words in one rule', `*nat\n-A A${' -x'.repeat(100_000)}\nCOMMIT`],
    ['100,000 options of one match', `*nat\n-A A -m string${' --string -j'.repeat(100_000)}\nCOMMIT`],
    ['a megabyte of comment', `*nat\n-A A -m comment --comment "${'\\"'.repeat(500_000)}"\nCOMMIT`],
    ['100,000 quotes that nothing closes', `*nat\n${'-A A -m comment --comment "\n'.repeat(100_001)}`],
    ['100,000 apostrophes', `*nat\n-A A${" --x '".repeat(100_000)}\nCOMMIT`],
  ])('%s', { timeout: MILLISECONDS }, (_, text) => {
    expect(seconds(text)).toBeLessThan(3);
  });

  test('100,000 keys', { timeout: MILLISECONDS }, () => {
    const rules = rulesOf(completeRuleset(largeSave({ ...SMALL, services: 2500, endpoints: 10 })));
    expect(fastest(() => rules.forEach(ruleKey))).toBeLessThan(2000);
  });
});
