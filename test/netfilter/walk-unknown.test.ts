import { describe, expect, test } from 'vitest';
import { nodeWithAddresses } from '../../src/netfilter/packet.ts';
import { walk } from '../../src/netfilter/walk.ts';
import { BALANCE, filter, nat, nodeAt, packetOf, rulesetOf, saveOf, SEPS, told, walkTables } from './walk-world.ts';
import type { Tables } from './walk-world.ts';

type Case = readonly [sentence: string, tables: Tables, expected: readonly string[]];

const UNCHANGED = '1.0000 untranslated 10.96.0.20:80';

const CASES: readonly Case[] = [
  [
    'an unknown answer that decides splits the share and says why',
    filter('-A FORWARD -m set --match-set bad src -j DROP'),
    [
      '0.5000 dropped 10.96.0.20:80 (what "-m set --match-set bad src" answers is not in the rules)',
      '0.5000 untranslated 10.96.0.20:80 (what "-m set --match-set bad src" answers is not in the rules)',
    ],
  ],
  [
    'an unknown answer that changes nothing is forgotten',
    filter('-A FORWARD -m set --match-set good src -j ACCEPT', '-A FORWARD -m limit --limit 1/s -j LOG'),
    [UNCHANGED],
  ],
  [
    'two rules that ask the same unknown question get one answer',
    filter(
      '-A FORWARD -m set --match-set a src -j MARK --set-xmark 0x1/0x1',
      '-A FORWARD -m set ! --match-set a src -j MARK --set-xmark 0x1/0x1',
      '-A FORWARD -m mark ! --mark 0x1/0x1 -j DROP',
    ),
    [UNCHANGED],
  ],
];

describe('what a walk cannot know', () => {
  test.each(CASES.map(([sentence, tables, expected]) => ({ sentence, tables, expected })))(
    '$sentence',
    ({ tables, expected }) => {
      expect(told(walkTables(tables))).toEqual(expected);
    },
  );

  test('an outcome names the rule that decided and the rules that led there', () => {
    const { outcomes } = walkTables(filter('-A FORWARD -j A', '-A A -m mark --mark 0x1 -j DROP', '-A A -j REJECT'));
    const [outcome] = outcomes;
    expect(outcome?.decidedBy?.rule.raw).toBe('-A A -j REJECT');
    expect(outcome?.via.map(({ rule }) => rule.raw)).toEqual(['-A FORWARD -j A', '-A A -j REJECT']);
  });

  test('a policy that drops is named', () => {
    const { outcomes } = walkTables({ filter: [':FORWARD DROP [0:0]'] });
    expect(outcomes[0]?.because).toBe('policy of chain FORWARD in table filter is DROP');
    expect(outcomes[0]?.decidedBy).toBeNull();
  });

  test('bounds hold what a share cannot say', () => {
    const set = '-m set --match-set bad src';
    const { outcomes } = walkTables(
      filter(`-A FORWARD ${set} -m statistic --mode random --probability 0.5 -j DROP`, '-A FORWARD -p udp -j DROP'),
    );
    const bounds = outcomes.map(({ disposition, atLeast, atMost }) => [disposition, atLeast, atMost]);
    expect(bounds).toEqual([
      ['untranslated', 0.5, 1],
      ['dropped', 0, 0.5],
    ]);
  });

  test('without the node’s addresses both INPUT and FORWARD are possible', () => {
    const context = nodeWithAddresses({ localAddresses: new Set(), complete: false });
    const tables = { filter: [':INPUT ACCEPT [0:0]', ':FORWARD DROP [0:0]'] };
    const outcomes = walkTables(tables, { node: context }).outcomes;
    expect(outcomes.map(({ disposition, atMost }) => [disposition, atMost])).toEqual([
      ['dropped', 1],
      ['untranslated', 1],
    ]);
  });

  test('two back ends that rewrite differently leave open which is asked first', () => {
    const one = rulesetOf(saveOf(nat('-A PREROUTING -j DNAT --to-destination 10.9.9.1')), 'iptables-nft-save');
    const two = rulesetOf(saveOf(nat('-A PREROUTING -j DNAT --to-destination 10.9.9.2')), 'iptables-legacy-save');
    const { outcomes } = walk([one, two], packetOf(), nodeAt('10.0.0.5'), { origin: 'forwarded' });
    expect(outcomes.map(({ destination, atLeast, atMost }) => [destination, atLeast, atMost])).toEqual([
      ['10.9.9.1', 0, 1],
      ['10.9.9.2', 0, 1],
    ]);
  });

  test('two back ends whose order does not matter leave nothing open', () => {
    const one = rulesetOf(saveOf({ ...nat(...BALANCE, ...SEPS), ...filter('-A FORWARD -p udp -j DROP') }), 'nft');
    const two = rulesetOf(
      saveOf({ ...nat('-A PREROUTING -p udp -j DNAT --to-destination 10.9.9.1'), ...filter('-A FORWARD -j LOG') }),
      'legacy',
    );
    const { outcomes } = walk([one, two], packetOf(), nodeAt('10.0.0.5'), { origin: 'forwarded' });
    expect(outcomes.map(({ destination, undetermined }) => [destination, undetermined])).toEqual([
      ['10.168.0.10', []],
      ['10.168.1.12', []],
      ['10.168.2.21', []],
    ]);
  });

  test('a jump to a chain that is not in the save is undetermined', () => {
    const ruleset = rulesetOf(saveOf(filter('-A FORWARD -j A', '-A A -j DROP')));
    const table = ruleset.tables.get('filter');
    const chains = new Map([...(table?.chains ?? [])].filter(([name]) => name !== 'A'));
    const torn = { ...ruleset, tables: new Map([['filter', { name: 'filter', chains }]]) };
    const { outcomes } = walk([torn], packetOf(), nodeAt('10.0.0.5'), { origin: 'forwarded' });
    expect(outcomes.map(({ disposition, because }) => [disposition, because])).toEqual([
      ['undetermined', 'the chain A is not in the save'],
    ]);
  });

  test('a rule set that asks for 2^40 steps is given up on, with the reason', { timeout: 30_000 }, () => {
    const lines = Array.from({ length: 40 }, (_, at) => [`-A C${at} -j C${at + 1}`, `-A C${at} -j C${at + 1}`]).flat();
    const { outcomes } = walkTables(filter('-A FORWARD -j C0', ...lines, '-A C40 -p udp'));
    expect(outcomes.map(({ disposition, because }) => [disposition, because])).toEqual([
      ['undetermined', 'the walk takes too many steps'],
    ]);
  });
});
