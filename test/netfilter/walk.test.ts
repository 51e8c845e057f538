import { describe, expect, test } from 'vitest';
import { BALANCE, filter, ip, MASQ, nat, nodeAt, SEPS, told, walkTables } from './walk-world.ts';
import type { Probe, Tables } from './walk-world.ts';

type Case = readonly [sentence: string, tables: Tables, expected: readonly string[], probe?: Probe];

const without = (text: string): readonly string[] => SEPS.filter((line) => !line.includes(`${text}:9376`));

const UNCHANGED = '1.0000 untranslated 10.96.0.20:80';

const CASES: readonly Case[] = [
  [
    'three balancing rules share evenly',
    nat(...BALANCE, ...SEPS, ...MASQ),
    ['0.3333 delivered 10.168.0.10:9376', '0.3333 delivered 10.168.1.12:9376', '0.3333 delivered 10.168.2.21:9376'],
  ],
  [
    'a middle endpoint chain without DNAT returns, and its share falls to the next balancing rule',
    nat(...BALANCE, ...without('10.168.1.12'), ...MASQ),
    ['0.6667 delivered 10.168.2.21:9376', '0.3333 delivered 10.168.0.10:9376'],
  ],
  [
    'the last endpoint chain without DNAT leaves its third untranslated',
    nat(...BALANCE, ...without('10.168.2.21'), ...MASQ),
    ['0.3333 delivered 10.168.0.10:9376', '0.3333 delivered 10.168.1.12:9376', '0.3333 untranslated 10.96.0.20:80'],
  ],
  [
    'an endpoint that reaches itself is masqueraded for its own share',
    nat(...BALANCE, ...SEPS, ...MASQ),
    [
      '0.3333 delivered 10.168.0.10:9376',
      '0.3333 delivered 10.168.1.12:9376 masqueraded',
      '0.3333 delivered 10.168.2.21:9376',
    ],
    { packet: { source: ip('10.168.1.12') } },
  ],
  [
    'a process of the node is translated in OUTPUT',
    nat(...BALANCE, ...SEPS, ...MASQ),
    ['0.3333 delivered 10.168.0.10:9376', '0.3333 delivered 10.168.1.12:9376', '0.3333 delivered 10.168.2.21:9376'],
    { origin: 'local', packet: { source: ip('10.0.0.5') } },
  ],
  [
    'a REJECT in filter does nothing to a destination that nat has replaced',
    { ...nat(...BALANCE, ...SEPS, ...MASQ), ...filter('-A FORWARD -d 10.96.0.20/32 -j REJECT') },
    ['0.3333 delivered 10.168.0.10:9376', '0.3333 delivered 10.168.1.12:9376', '0.3333 delivered 10.168.2.21:9376'],
  ],
  [
    'a REJECT in filter answers a destination that nat has left alone',
    filter('-A FORWARD -d 10.96.0.20/32 -p tcp -m tcp --dport 80 -j REJECT'),
    ['1.0000 rejected 10.96.0.20:80'],
  ],
  [
    'a packet for an address of the node meets INPUT and not FORWARD',
    filter('-A FORWARD -j REJECT', '-A INPUT -p tcp -m tcp --dport 80 -j DROP'),
    ['1.0000 dropped 10.0.0.5:80'],
    { packet: { destination: ip('10.0.0.5') } },
  ],
  [
    'a packet of the node to itself meets OUTPUT, PREROUTING by lo and INPUT, and nat only once',
    {
      ...nat('-A OUTPUT -p tcp -j MARK --set-xmark 0x1/0x1', '-A PREROUTING -j DNAT --to-destination 10.9.9.9'),
      mangle: [':PREROUTING ACCEPT [0:0]', '-A PREROUTING -i lo -m mark --mark 0x1 -j MARK --set-xmark 0x3'],
      ...filter('-A INPUT -i lo -m mark --mark 0x3 -j REJECT'),
    },
    ['1.0000 rejected 10.0.0.5:80'],
    { origin: 'local', packet: { source: ip('10.0.0.5'), destination: ip('10.0.0.5') } },
  ],
  [
    'the policy of a base chain takes what falls off its end, and what RETURN sends back',
    { filter: [':FORWARD DROP [0:0]', '-A FORWARD -p tcp -j RETURN', '-A FORWARD -j ACCEPT'] },
    ['1.0000 dropped 10.96.0.20:80'],
  ],
  [
    'a chain entered with goto returns to the caller of the chain that left',
    filter('-A FORWARD -j A', '-A FORWARD -j REJECT', '-A A -g B', '-A A -j DROP', '-A B -p udp -j DROP'),
    ['1.0000 rejected 10.96.0.20:80'],
  ],
  [
    'a chain entered with a jump returns to the rule after it',
    filter('-A FORWARD -j A', '-A FORWARD -j REJECT', '-A A -j B', '-A A -j DROP', '-A B -p udp -j DROP'),
    ['1.0000 dropped 10.96.0.20:80'],
  ],
  [
    'goto from a base chain ends at the policy',
    {
      filter: [':FORWARD DROP [0:0]', ':A - [0:0]', '-A FORWARD -g A', '-A FORWARD -j ACCEPT', '-A A -p udp -j ACCEPT'],
    },
    ['1.0000 dropped 10.96.0.20:80'],
  ],
  [
    'ACCEPT ends one table only',
    { mangle: [':FORWARD ACCEPT [0:0]', '-A FORWARD -j ACCEPT'], ...filter('-A FORWARD -j DROP') },
    ['1.0000 dropped 10.96.0.20:80'],
  ],
  [
    'LOG and a rule without target only count',
    filter('-A FORWARD -j LOG --log-prefix "x "', '-A FORWARD'),
    [UNCHANGED],
  ],
  [
    'chains that call each other are a loop',
    filter('-A FORWARD -j A', '-A A -j B', '-A B -j A'),
    ['1.0000 loop 10.96.0.20:80'],
  ],
  [
    'a mark above 2^31 is compared without a sign',
    filter(
      '-A FORWARD -j MARK --set-xmark 0x80000000/0x80000000',
      '-A FORWARD -m mark --mark 0x80000000/0x80000000 -j DROP',
    ),
    ['1.0000 dropped 10.96.0.20:80'],
  ],
  [
    'a saved connection mark comes back',
    filter(
      '-A FORWARD -j MARK --set-xmark 0x5',
      '-A FORWARD -j CONNMARK --save-mark --nfmask 0x4 --ctmask 0xffffffff',
      '-A FORWARD -j MARK --set-xmark 0x0',
      '-A FORWARD -j CONNMARK --restore-mark --nfmask 0xffffffff --ctmask 0xffffffff',
      '-A FORWARD -m mark --mark 0x4 -j REJECT',
    ),
    ['1.0000 rejected 10.96.0.20:80'],
  ],
  [
    'a packet that is not tracked passes nat unseen',
    {
      raw: [':PREROUTING ACCEPT [0:0]', '-A PREROUTING -d 10.96.0.20/32 -j CT --notrack'],
      ...nat(...BALANCE, ...SEPS),
    },
    [UNCHANGED],
  ],
  [
    'conntrack knows no connection in raw, a new one afterwards, and DNAT once it happened',
    {
      raw: [':PREROUTING ACCEPT [0:0]', '-A PREROUTING -m conntrack --ctstate NEW -j DROP'],
      ...nat('-A PREROUTING -p tcp -j DNAT --to-destination 10.9.9.9:81'),
      ...filter('-A FORWARD -m conntrack ! --ctstate NEW -j DROP', '-A FORWARD -m conntrack --ctstate DNAT -j REJECT'),
    },
    ['1.0000 rejected 10.9.9.9:81'],
  ],
  [
    'DNAT to an address keeps the port',
    nat('-A PREROUTING -j DNAT --to-destination 10.9.9.9'),
    ['1.0000 delivered 10.9.9.9:80'],
  ],
  [
    'DNAT to a port keeps the address',
    nat('-A PREROUTING -p tcp -j DNAT --to-destination :81'),
    ['1.0000 delivered 10.96.0.20:81'],
  ],
  [
    'DNAT in brackets is IPv6',
    nat('-A PREROUTING -p tcp -j DNAT --to-destination [fd00::5]:81'),
    ['1.0000 delivered fd00::5:81'],
    { packet: { family: 'IPv6', source: ip('fd00::9'), destination: ip('fd00::1') } },
  ],
  [
    'DNAT to a range is undetermined',
    nat('-A PREROUTING -j DNAT --to-destination 10.9.9.1-10.9.9.3'),
    ['1.0000 undetermined 10.96.0.20:80'],
  ],
  [
    'REDIRECT from the node itself goes to loopback',
    nat('-A OUTPUT -p tcp -j REDIRECT --to-ports 8080'),
    ['1.0000 delivered 127.0.0.1:8080'],
    { origin: 'local' },
  ],
  [
    'SNAT names the new source',
    nat('-A POSTROUTING -j SNAT --to-source 203.0.113.1'),
    ['1.0000 untranslated 10.96.0.20:80 from 203.0.113.1'],
  ],
  ['NFQUEUE is undetermined', filter('-A FORWARD -j NFQUEUE --queue-num 1'), ['1.0000 undetermined 10.96.0.20:80']],
  [
    'affinity lists are empty for a first connection',
    filter('-A FORWARD -m recent --rcheck --seconds 10 --name a --mask 255.255.255.255 --rsource -j DROP'),
    [UNCHANGED],
  ],
  [
    'an affinity list entered earlier on the way is found, also when the rest of that rule failed',
    filter(
      '-A FORWARD -m recent --set --name a --mask 255.255.255.255 --rsource -m mark --mark 0x7 -j DROP',
      '-A FORWARD -m recent --rcheck --name a --mask 255.255.255.255 --rsource -j REJECT',
    ),
    ['1.0000 rejected 10.96.0.20:80'],
  ],
  [
    'a counter is a chance of one in that many',
    filter('-A FORWARD -m statistic --mode nth --every 4 --packet 0 -j DROP'),
    ['0.7500 untranslated 10.96.0.20:80', '0.2500 dropped 10.96.0.20:80'],
  ],
  [
    'OUTPUT sees the interface towards the first destination, POSTROUTING the one towards the new',
    {
      ...nat('-A OUTPUT -p tcp -j DNAT --to-destination 10.9.9.9:81', '-A POSTROUTING -o out9 -j MASQUERADE'),
      ...filter('-A OUTPUT -o out9 -j DROP'),
    },
    ['1.0000 delivered 10.9.9.9:81 masqueraded'],
    {
      origin: 'local',
      packet: { outInterface: 'out1' },
      node: { ...nodeAt('10.0.0.5'), interfaceTowards: () => 'out9' },
    },
  ],
];

describe('a packet on its way', () => {
  test.each(CASES.map(([sentence, tables, expected, probe]) => ({ sentence, tables, expected, probe })))(
    '$sentence',
    ({ tables, expected, probe }) => {
      expect(told(walkTables(tables, probe ?? {}))).toEqual(expected);
    },
  );
});
