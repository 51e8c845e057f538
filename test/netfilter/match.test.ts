import { describe, expect, test } from 'vitest';
import type { PacketView } from '../../src/netfilter/match-answer.ts';
import { keptProbability, matchPacket } from '../../src/netfilter/match.ts';
import { known, nodeWithAddresses } from '../../src/netfilter/packet.ts';
import { ip, nodeAt, packetOf, rulesetOf } from './walk-world.ts';

const VIEW: PacketView = {
  packet: packetOf(),
  context: nodeAt('10.0.0.5'),
  affinity: 'first-connection',
  remembered: new Map<string, number>(),
  source: ip('192.0.2.7'),
  sourcePort: null,
  destination: ip('10.96.0.20'),
  destinationPort: 80,
  mark: 0,
  connmark: 0,
  inInterfaces: ['eth0'],
  outInterfaces: [''],
  tracking: 'new',
  destinationChanged: false,
  sourceChanged: known(false),
  recent: new Set(),
  place: 'test',
};

/** Answer of the matches of one rule, written as iptables-save prints them: the first that is not yes. */
function answerTo(options: string, view: PacketView): string {
  const ruleset = rulesetOf(
    `*filter\n:FORWARD ACCEPT [0:0]\n-A FORWARD ${options}\nCOMMIT\n`,
    'save',
    view.packet.family,
  );
  const matches = ruleset.tables.get('filter')?.chains.get('FORWARD')?.rules[0]?.matches ?? [];
  const answers = matches.map((match) => matchPacket(match, view, { chain: 'FORWARD', position: 0 }));
  const first = answers.find(({ is }) => is !== 'yes');
  if (first === undefined) return 'yes';
  return first.is === 'unknown' ? `unknown: ${first.because}` : first.is;
}

type Case = readonly [sentence: string, options: string, expected: string, view?: Partial<PacketView>];

const NO_NODE = nodeWithAddresses({ localAddresses: new Set(), complete: false });
const LOCAL_UNKNOWN = 'unknown: whether 10.96.0.20 is an address of the node is not known';

const CASES: readonly Case[] = [
  ['a range holds its addresses', '-s 192.0.2.0/24', 'yes'],
  ['a negated range holds the others', '! -s 192.0.2.0/24', 'no'],
  [
    'a source that MASQUERADE has chosen is not known',
    '-s 192.0.2.0/24',
    'unknown: which address of the node the source was rewritten to is not known',
    { source: null },
  ],
  ['a protocol may be a number', '-p 6', 'yes'],
  ['another protocol differs', '-p udp', 'no'],
  ['a negated other protocol holds', '! -p icmp', 'yes'],
  ['a port range includes its ends', '-p tcp -m tcp --dport 70:80', 'yes'],
  [
    'an ephemeral source port may be in a range',
    '-p tcp -m tcp --sport 32768:40000',
    'unknown: whether the source port is in 32768:40000 is not known',
  ],
  ['any ephemeral source port is in all ports', '-p tcp -m tcp --sport 1:65535', 'yes'],
  ['multiport holds for one of its ports', '-p tcp -m multiport --dports 22,80,100:200', 'yes'],
  ['multiport of either side needs one side only', '-p tcp -m multiport --ports 80', 'yes'],
  [
    'multiport of either side asks the source when the destination differs',
    '-p tcp -m multiport --ports 40000',
    'yes',
    { sourcePort: 40_000 },
  ],
  ['an interface ending in + is a beginning', '-i eth+', 'yes'],
  [
    'an unknown interface is unknown',
    '-i eth0',
    'unknown: the incoming interface is not known',
    { inInterfaces: null },
  ],
  [
    'an unknown interface is unknown when negated',
    '! -i eth0',
    'unknown: the incoming interface is not known',
    { inInterfaces: null },
  ],
  ['a hook without incoming interface matches no name', '-i eth0', 'no', { inInterfaces: [''] }],
  ['a hook without incoming interface matches every negated name', '! -i eth0', 'yes', { inInterfaces: [''] }],
  [
    'an interface that older kernels hide is decided where both answers agree',
    '-i cali+',
    'no',
    { inInterfaces: ['', 'eth0'] },
  ],
  [
    'an interface that older kernels hide is unknown where they do not',
    '-i eth0',
    'unknown: the incoming interface is not known',
    { inInterfaces: ['', 'eth0'] },
  ],
  ['an address of the node is LOCAL', '-m addrtype --dst-type LOCAL', 'yes', { destination: ip('10.0.0.5') }],
  [
    'loopback is LOCAL on any node',
    '-m addrtype --dst-type LOCAL',
    'yes',
    { destination: ip('127.3.2.1'), context: NO_NODE },
  ],
  ['an address outside a complete list is not LOCAL', '-m addrtype ! --dst-type LOCAL', 'yes'],
  [
    'an address outside an incomplete list may be LOCAL',
    '-m addrtype --dst-type LOCAL',
    LOCAL_UNKNOWN,
    { context: NO_NODE },
  ],
  [
    'an IPv4 address of the node is not UNICAST',
    '-m addrtype --dst-type UNICAST',
    'no',
    { destination: ip('10.0.0.5') },
  ],
  [
    'the limited broadcast is BROADCAST',
    '-m addrtype --dst-type BROADCAST',
    'yes',
    { destination: ip('255.255.255.255') },
  ],
  [
    'an address ending in ones may be a broadcast address',
    '-m addrtype --dst-type UNICAST',
    'unknown: whether 10.1.2.255 is the broadcast address of an attached network is not known',
    { destination: ip('10.1.2.255') },
  ],
  ['224.0.0.1 is MULTICAST', '-m addrtype --dst-type MULTICAST', 'yes', { destination: ip('224.0.0.1') }],
  ['a mark is compared under its mask', '-m mark --mark 0x4000/0x4000', 'yes', { mark: 0x1_4001 }],
  ['a mark above 2^31 has no sign', '-m mark --mark 0x80000000/0x80000000', 'yes', { mark: 0xff_ff_ff_ff }],
  [
    'a connection mark of no connection does not hold, even negated',
    '-m connmark ! --mark 0x1',
    'no',
    { tracking: 'none' },
  ],
  ['a first packet is NEW', '-m conntrack --ctstate NEW,ESTABLISHED', 'yes'],
  [
    'a first packet is not RELATED, ESTABLISHED or INVALID',
    '-m conntrack ! --ctstate INVALID,RELATED,ESTABLISHED',
    'yes',
  ],
  ['before tracking a packet is INVALID', '-m conntrack --ctstate INVALID', 'yes', { tracking: 'none' }],
  [
    'a translated packet is DNAT',
    '-m conntrack ! --ctstate RELATED,ESTABLISHED,DNAT',
    'no',
    { destinationChanged: true },
  ],
  ['a chance is a chance', '-m statistic --mode random --probability 0.50000000000', 'chance'],
  ['a probability of one always holds', '-m statistic --mode random --probability 1.00000000000', 'yes'],
  ['a counter is a chance', '-m statistic --mode nth --every 3 --packet 0', 'chance'],
  [
    '--set holds and --rcheck of a new client does not',
    '-m recent --set --name a --mask 255.255.255.255 --rsource',
    'yes',
  ],
  ['--rcheck of a new client does not hold', '-m recent --rcheck --name a --mask 255.255.255.255 --rsource', 'no'],
  [
    '--rcheck of some client is unknown',
    '-m recent --rcheck --name a --mask 255.255.255.255 --rsource',
    'unknown: whether the list a of -m recent has this client is not known',
    { affinity: 'unknown' },
  ],
  [
    'a list finds the masked address',
    '-m recent --rcheck --name a --mask 255.255.255.0 --rsource',
    'yes',
    { recent: new Set(['a 192.0.2.0/24']) },
  ],
  [
    'one entry does not make two hits',
    '-m recent --rcheck --hitcount 2 --name a --mask 255.255.255.255 --rsource',
    'no',
    { recent: new Set(['a 192.0.2.7/32']) },
  ],
  ['the first TCP packet has SYN alone', '-p tcp -m tcp --tcp-flags FIN,SYN,RST,ACK SYN', 'yes'],
  ['the first TCP packet is no "not SYN"', '-p tcp -m tcp ! --tcp-flags FIN,SYN,RST,ACK SYN', 'no'],
  ['comments and accounting say nothing', '-m comment --comment x -m nfacct --nfacct-name  n', 'yes'],
  [
    'a set is unknown',
    '-m set --match-set bad src',
    'unknown: what "-m set --match-set bad src" answers is not in the rules',
  ],
  [
    'a module without a model is unknown by name',
    '-m limit --limit 1/sec',
    'unknown: the match module limit is not modelled',
  ],
];

describe('one match', () => {
  test.each(CASES.map(([sentence, options, expected, view]) => ({ sentence, options, expected, view })))(
    '$sentence',
    ({ options, expected, view }) => {
      expect(answerTo(options, { ...VIEW, ...view })).toBe(expected);
    },
  );

  test('an IPv6 address of the node is UNICAST and LOCAL', () => {
    const packet = packetOf({ family: 'IPv6', source: ip('fd00::9'), destination: ip('fd00::5') });
    const view = { ...VIEW, packet, source: ip('fd00::9'), destination: ip('fd00::5'), context: nodeAt('fd00::5') };
    expect(answerTo('-m addrtype --dst-type UNICAST', view)).toBe('yes');
    expect(answerTo('-m addrtype --dst-type LOCAL', view)).toBe('yes');
  });

  test('the printed probability gives back the multiple of 2^-31 the kernel keeps', () => {
    const kept = [0.33333333349, 0.5, 0.33332999982, 0.1].map((value) => keptProbability(value.toFixed(11)));
    expect(kept.map((value) => Number.isInteger((value ?? 0) * 2 ** 31))).toEqual([true, true, true, true]);
    expect(keptProbability('0.33333333349')).toBe(715_827_883 / 2 ** 31);
    expect(keptProbability('1.5')).toBeNull();
  });
});
