import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseSave } from '../../src/netfilter/parse.ts';
import { printMatch, printRule, printRuleset, ruleKey } from '../../src/netfilter/print.ts';
import type { Rule } from '../../src/netfilter/rules.ts';
import { ALL_SAVES, completeRuleset, ruleOf, rulesOf } from './parse-saves.ts';
import { anyMatch, anyRule } from './print-rules.ts';

const STRUCTURE = '*nat|*filter|:A - [0:0]|[0:0] -A A|-A A|COMMIT|\n|\r\n|\r| ';

const RUNS = Number(process.env['FC_RUNS'] ?? 2000);

/** All that a printed text can carry. */
function shapeOf(ruleset: ReturnType<typeof completeRuleset>): unknown {
  return [...ruleset.tables.values()].map((table) => [
    table.name,
    [...table.chains.values()].map((chain) => [
      chain.name,
      chain.policy,
      chain.rules.map((rule) => ({ ...rule, line: 0, raw: '', counters: null })),
    ]),
  ]);
}

describe('a printed rule', () => {
  test.each(ALL_SAVES)('is the line of $name', ({ text, family }) => {
    const rules = rulesOf(completeRuleset(text, family));
    expect(rules.map(printRule)).toEqual(rules.map((rule) => rule.raw.slice(rule.raw.indexOf('-A '))));
  });

  test('is read back as the same rule', () => {
    fc.assert(
      fc.property(anyRule, (rule) => {
        const save = `*filter\n:A - [0:0]\n:B - [0:0]\n${printRule(rule)}\n-A B -j A\nCOMMIT\n`;
        const [read, next, ...more] = rulesOf(completeRuleset(save));
        expect({ ...read, raw: '' }).toEqual(rule);
        expect(next?.chain).toBe('B');
        expect(more).toEqual([]);
      }),
      { numRuns: RUNS },
    );
  });

  test('has its matches in the order of iptables, however it was made', () => {
    const matches = ['-m tcp --dport 80', '-p tcp', '-o lo', '-s 10.0.0.1'].flatMap((words) => ruleOf(words).matches);
    const rule: Rule = { ...ruleOf('-j B'), comment: 'a b', matches };
    expect(printRule(rule)).toBe('-A A -s 10.0.0.1/32 -o lo -p tcp -m comment --comment "a b" -m tcp --dport 80 -j B');
  });

  test('is one match per module when it is printed alone', () => {
    fc.assert(
      fc.property(anyMatch, (match) => {
        expect(rulesOf(completeRuleset(`*nat\n:A - [0:0]\n-A A ${printMatch(match)}\nCOMMIT\n`))[0]?.matches).toEqual([
          match,
        ]);
      }),
      { numRuns: RUNS },
    );
  });
});

describe('a printed ruleset', () => {
  test.each(ALL_SAVES)('of $name is read back as the same ruleset', ({ text, family }) => {
    const ruleset = completeRuleset(text, family);
    const again = completeRuleset(printRuleset(ruleset), family);
    expect(shapeOf(again)).toEqual(shapeOf(ruleset));
  });
});

describe('the key of a rule', () => {
  test.each([
    ['-p tcp -m comment --comment x -m tcp --dport 80 -j B', '-p tcp -m tcp --dport 80 -j B'],
    ['-p tcp -m tcp -j B', '-p 6 -j B'],
    ['-m mark --mark 0x1 -m addrtype --dst-type LOCAL -j B', '-m addrtype --dst-type LOCAL -m mark --mark 0x1 -j B'],
    ['-m statistic --mode random --probability 0.33333333349', '-m statistic --mode random --probability 0.3333333333'],
    ['-m conntrack --ctstate NEW,RELATED', '-m conntrack --ctstate RELATED,NEW'],
    ['-m state --state NEW', '-m conntrack --ctstate NEW'],
    ['-s 0.0.0.0/0 -p all', ''],
    ['-d 10.0.0.1', '-d 10.0.0.1/32'],
    [
      '-j DNAT --to-destination 1.1.1.1 --random --persistent',
      '-j DNAT --to-destination 1.1.1.1 --persistent --random',
    ],
    ['-j MARK --or-mark 0x4000', '-j MARK --set-xmark 0x4000/0x4000'],
  ])('is one for %s and %s', (left, right) => {
    expect(ruleKey(ruleOf(left))).toBe(ruleKey(ruleOf(right)));
  });

  test.each([
    ['-m tcp --dport 80', '-m tcp --dport 81'],
    ['-m tcp --dport 80', '-m tcp --sport 80'],
    ['-m tcp --dport 80', '-m tcp ! --dport 80'],
    ['-m nfacct --nfacct-name  a', ''],
    ['! -s 0.0.0.0/0', ''],
    ['-m statistic --mode random --probability 0.5', '-m statistic --mode random --probability 0.50000000093'],
    [
      '-m recent --set --name a -m statistic --mode nth --every 2 --packet 0',
      '-m statistic --mode nth --every 2 --packet 0 -m recent --set --name a',
    ],
    ['-j B', '-g B'],
    ['-j B', ''],
    ['-j MARK --set-xmark 0x1/0x0', '-j MARK --set-xmark 0x1/0x1'],
  ])('differs for %s and %s', (left, right) => {
    expect(ruleKey(ruleOf(left))).not.toBe(ruleKey(ruleOf(right)));
  });

  test('is the same before and after printing', () => {
    fc.assert(
      fc.property(anyRule, (rule) => {
        const [read] = rulesOf(completeRuleset(`*filter\n:A - [0:0]\n:B - [0:0]\n${printRule(rule)}\nCOMMIT\n`));
        expect(read && ruleKey(read)).toBe(ruleKey(rule));
      }),
      { numRuns: RUNS },
    );
  });
});

/** Rule lines of a complete save that no rule holds. */
function lostLines(text: string): readonly string[] {
  const save = parseSave(text, { family: 'IPv4', backend: 'nft', source: 'x' });
  if (save.status === 'incomplete') return [];
  const held = new Set(rulesOf(save.ruleset).flatMap((rule) => linesOf(rule)));
  return text.split('\n').filter((line, index) => /^[ \t]*[-[]/.test(line) && !held.has(index + 1));
}

function linesOf(rule: Rule): readonly number[] {
  return rule.raw.split('\n').map((_, index) => rule.line + index);
}

describe('any text', () => {
  const pieces = fc.constantFrom(
    ...STRUCTURE.split('|'),
    ...' -m comment --comment~ "~"~\\~ -j~ -g B~ !~ -s 10.0.0.1/32~ -m~ tcp~ --dport~ 80~ -p~#~\0~[~:'.split('~'),
  );
  const text = fc.oneof(
    fc.array(pieces, { maxLength: 60 }).map((parts) => parts.join('')),
    fc.string({ unit: 'binary', maxLength: 200 }),
  );

  test('has an answer, and none of its rule lines vanishes', () => {
    fc.assert(
      fc.property(text, (text) => {
        expect(lostLines(text)).toEqual([]);
      }),
      { numRuns: RUNS },
    );
  });
});
