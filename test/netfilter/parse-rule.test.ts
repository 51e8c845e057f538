import { describe, expect, test } from 'vitest';
import { hostCidr, parseCidr, parseIp, type Cidr } from '../../src/model/address.ts';
import { parseSave } from '../../src/netfilter/parse.ts';
import type { Match, Target } from '../../src/netfilter/rules.ts';
import { completeRuleset, matchesOf, ruleOf, rulesOf, targetOf } from './parse-saves.ts';

function cidr(text: string): Cidr {
  const range = parseCidr(text);
  if (range === null) throw new Error(`${text} is no range`);
  return range;
}

function host(text: string): Cidr {
  const ip = parseIp(text);
  if (ip === null) throw new Error(`${text} is no address`);
  return hostCidr(ip);
}

const negated = false;

const UNDERSTOOD: readonly (readonly [string, readonly Match[]])[] = [
  ['-s 10.1.2.3/8', [{ kind: 'source', negated, cidr: cidr('10.0.0.0/8') }]],
  ['-d 10.1.2.3', [{ kind: 'destination', negated, cidr: host('10.1.2.3') }]],
  ['! -s 10.0.0.0/255.255.0.0', [{ kind: 'source', negated: true, cidr: cidr('10.0.0.0/16') }]],
  ['-s ! 10.0.0.0/16', [{ kind: 'source', negated: true, cidr: cidr('10.0.0.0/16') }]],
  ['-d 0.0.0.0/0', [{ kind: 'destination', negated, cidr: cidr('0.0.0.0/0') }]],
  [
    '-i cali+ ! -o lo',
    [
      { kind: 'in-interface', negated, name: 'cali+' },
      { kind: 'out-interface', negated: true, name: 'lo' },
    ],
  ],
  ['! -p 132', [{ kind: 'protocol', negated: true, protocol: '132' }]],
  [
    '-p tcp -m tcp',
    [
      { kind: 'protocol', negated, protocol: 'tcp' },
      { kind: 'protocol-module', module: 'tcp' },
    ],
  ],
  [
    '-m tcp --sport :1023 ! --dport 80',
    [
      { kind: 'source-port', module: 'tcp', negated, range: { from: 0, to: 1023 } },
      { kind: 'destination-port', module: 'tcp', negated: true, range: { from: 80, to: 80 } },
    ],
  ],
  [
    '-p udp --dport 53',
    [
      { kind: 'protocol', negated, protocol: 'udp' },
      { kind: 'destination-port', module: 'udp', negated, range: { from: 53, to: 53 } },
    ],
  ],
  [
    '-m multiport ! --dports 80,8000:8100',
    [
      {
        kind: 'multiport',
        side: 'destination',
        negated: true,
        ranges: [
          { from: 80, to: 80 },
          { from: 8000, to: 8100 },
        ],
      },
    ],
  ],
  [
    '-m addrtype ! --src-type LOCAL,UNICAST --dst-type LOCAL --limit-iface-in',
    [
      { kind: 'address-type', side: 'source', negated: true, types: ['LOCAL', 'UNICAST'], limit: 'in' },
      { kind: 'address-type', side: 'destination', negated, types: ['LOCAL'], limit: 'in' },
    ],
  ],
  ['-m mark ! --mark 0x4000/0x4000', [{ kind: 'mark', negated: true, value: 0x4000, mask: 0x4000 }]],
  ['-m mark --mark ! 0x1', [{ kind: 'mark', negated: true, value: 1, mask: 0xffff_ffff }]],
  ['-m connmark --mark 5', [{ kind: 'connmark', negated, value: 5, mask: 0xffff_ffff }]],
  [
    '-m conntrack ! --ctstate RELATED,DNAT',
    [{ kind: 'conntrack-state', module: 'conntrack', negated: true, states: ['RELATED', 'DNAT'] }],
  ],
  ['-m state --state NEW', [{ kind: 'conntrack-state', module: 'state', negated, states: ['NEW'] }]],
  [
    '-m statistic --mode random --probability 0.33333333349',
    [{ kind: 'statistic-random', negated, probability: '0.33333333349' }],
  ],
  ['-m statistic --mode nth ! --every 3 --packet 2', [{ kind: 'statistic-nth', negated: true, every: 3, packet: 2 }]],
  [
    '-m recent ! --update --seconds 30 --reap --hitcount 6 --rttl --name N --rdest',
    [
      {
        kind: 'recent',
        negated: true,
        action: 'update',
        seconds: 30,
        hitcount: 6,
        reap: true,
        name: 'N',
        mask: '255.255.255.255',
        side: 'rdest',
        ttl: true,
      },
    ],
  ],
  ['-m nfacct --nfacct-name  ct_state', [{ kind: 'nfacct', name: 'ct_state' }]],
  [
    '-m set ! --match-set S src,dst --return-nomatch ! --update-counters',
    [
      {
        kind: 'set',
        negated: true,
        name: 'S',
        directions: 'src,dst',
        rest: ['--return-nomatch', '!', '--update-counters'],
      },
    ],
  ],
  ['-m physdev ! --physdev-is-in', [{ kind: 'physdev', options: ['!', '--physdev-is-in'] }]],
];

describe('a match with a meaning', () => {
  test.each(UNDERSTOOD)('%s', (words, expected) => {
    expect(matchesOf(`${words} -j B`)).toEqual(expected);
  });

  test('addresses of IPv6 are brought to one form', () => {
    expect(matchesOf('-s FD00:0:0::1 -d fd00::1:2/64', 'IPv6')).toEqual([
      { kind: 'source', negated, cidr: host('fd00::1') },
      { kind: 'destination', negated, cidr: cidr('fd00::/64') },
    ]);
  });
});

describe('what is known but not modelled keeps its words', () => {
  test.each([
    ['-m tcp --tcp-flags SYN,RST SYN', 'tcp', ['--tcp-flags', 'SYN,RST', 'SYN']],
    ['-m rpfilter --validmark --invert', 'rpfilter', ['--validmark', '--invert']],
    ['-m socket', 'socket', []],
    ['-m string --string "a \\"b\\" c" --algo bm', 'string', ['--string', '"a \\"b\\" c"', '--algo', 'bm']],
    ['-m string --string -j --algo -m', 'string', ['--string', '-j', '--algo', '-m']],
    ['-m limit --limit 3/min', 'limit', ['--limit', '3/min']],
    ['-f', 'ip', ['-f']],
    ['! -s 10.0.0.0/255.0.255.0', 'ip', ['!', '-s', '10.0.0.0/255.0.255.0']],
  ])('%s', (words, module, options) => {
    expect(ruleOf(`${words} -j B`)).toMatchObject({
      matches: [{ kind: 'opaque', module, options }],
      target: { kind: 'jump', chain: 'B' },
    });
  });

  test('beside the options that are modelled', () => {
    expect(matchesOf('-m conntrack --ctstate NEW --ctdir ORIGINAL').map((match) => match.kind)).toEqual([
      'conntrack-state',
      'opaque',
    ]);
  });
});

describe('what is not understood is kept and noted', () => {
  test.each([
    ['-m foo --bar 1 -j B', ['-m foo --bar 1'], 'unknown match foo'],
    ['-s 10.0.0.256 -j B', ['-s 10.0.0.256'], '10.0.0.256 is no IPv4 address'],
    ['-s fd00::1/128 -j B', ['-s fd00::1/128'], 'fd00::1/128 is no IPv4 address'],
    ['hello ! -x y -j B', ['hello', '! -x y'], 'text that belongs to no match'],
    ['-s', ['-s'], 'text that belongs to no match'],
    [
      '-m conntrack [unsupported revision] -j B',
      ['-m conntrack [unsupported revision]'],
      'text that is no option of match conntrack',
    ],
    ['-m mark --mark', ['-m mark --mark'], 'an option of match mark lacks its value'],
    ['-m foo hello -s x -j B', ['-m foo hello', '-s x'], 'unknown match foo'],
    ['--dport 80 -j B', ['--dport 80'], 'text that belongs to no match'],
  ])('%s', (words, texts, reason) => {
    const text = `*nat\n:A - [0:0]\n:B - [0:0]\n-A A ${words}\nCOMMIT\n`;
    const save = parseSave(text, { family: 'IPv4', backend: 'nft', source: 'x' });
    expect(save.notes).toEqual([{ line: 4, text: `-A A ${words}`, reason }]);
    expect(ruleOf(words).matches).toEqual(texts.map((text) => ({ kind: 'unrecognised', text })));
  });

  test.each([
    ['-m mark --mark 0x1ffffffff', 'mark', ['--mark', '0x1ffffffff']],
    ['-m tcp --dport 70000', 'tcp', ['--dport', '70000']],
    ['-m tcp --dport 90:80', 'tcp', ['--dport', '90:80']],
    ['-m tcp --dport http', 'tcp', ['--dport', 'http']],
    ['-m statistic --mode random --probability 1.5', 'statistic', ['--mode', 'random', '--probability', '1.5']],
    ['-m statistic --mode random --probability 0,5', 'statistic', ['--mode', 'random', '--probability', '0,5']],
    ['-m mark --new-option a b', 'mark', ['--new-option', 'a', 'b']],
  ])('%s: a value out of range or a newer option is not guessed at', (words, module, options) => {
    const save = parseSave(`*nat\n:A - [0:0]\n-A A ${words}\nCOMMIT\n`, {
      family: 'IPv4',
      backend: 'nft',
      source: 'x',
    });
    expect(save.notes).toHaveLength(1);
    expect(matchesOf(words)).toEqual([{ kind: 'opaque', module, options }]);
  });
});

describe('a target', () => {
  const cases: readonly (readonly [string, Target])[] = [
    ['', { kind: 'none' }],
    ['-j ACCEPT', { kind: 'accept' }],
    ['-j DROP', { kind: 'drop' }],
    ['-j RETURN', { kind: 'return' }],
    ['-j REJECT', { kind: 'reject', with: null }],
    ['-j REJECT --reject-with tcp-reset', { kind: 'reject', with: 'tcp-reset' }],
    ['-j B', { kind: 'jump', chain: 'B' }],
    ['-g B', { kind: 'goto', chain: 'B' }],
    ['-j DNAT --to-destination 10.0.0.1:80', { kind: 'dnat', to: '10.0.0.1:80', flags: [] }],
    [
      '-j DNAT --to-destination [fd00::1]:80 --random --persistent',
      { kind: 'dnat', to: '[fd00::1]:80', flags: ['--random', '--persistent'] },
    ],
    ['-j DNAT', { kind: 'dnat', to: null, flags: [] }],
    ['-j DNAT [unsupported revision]', { kind: 'unrecognised', text: 'DNAT [unsupported revision]' }],
    [
      '-j DNAT --to-destination :0 --persistent --to-destination 1.2.3.4',
      { kind: 'unrecognised', text: 'DNAT --to-destination :0 --persistent --to-destination 1.2.3.4' },
    ],
    ['-j SNAT --to-source 10.0.0.1', { kind: 'snat', to: '10.0.0.1', flags: [] }],
    ['-j MASQUERADE --random-fully', { kind: 'masquerade', toPorts: null, flags: ['--random-fully'] }],
    [
      '-j MASQUERADE --to-ports 1024-65535 --random',
      { kind: 'masquerade', toPorts: '1024-65535', flags: ['--random'] },
    ],
    ['-j MARK --set-xmark 0x4000/0x0', { kind: 'mark', value: 0x4000, mask: 0 }],
    ['-j MARK --set-mark 0x1/0x2', { kind: 'mark', value: 1, mask: 3 }],
    ['-j MARK --or-mark 0x80000000', { kind: 'mark', value: 0x8000_0000, mask: 0x8000_0000 }],
    ['-j MARK --and-mark 0xff', { kind: 'mark', value: 0, mask: 0xffff_ff00 }],
    ['-j MARK --xor-mark 0xff', { kind: 'mark', value: 0xff, mask: 0 }],
    ['-j CONNMARK --set-xmark 0x80/0x80', { kind: 'connmark-set', value: 0x80, mask: 0x80 }],
    [
      '-j CONNMARK --restore-mark --nfmask 0x80 --ctmask 0x80',
      { kind: 'connmark', options: ['--restore-mark', '--nfmask', '0x80', '--ctmask', '0x80'] },
    ],
    ['-j LOG --log-prefix -j', { kind: 'continue', name: 'LOG', options: ['--log-prefix', '-j'] }],
    ['-j NFQUEUE --queue-num 3', { kind: 'opaque', name: 'NFQUEUE', options: ['--queue-num', '3'] }],
    ['-j LOG [unsupported revision]', { kind: 'unrecognised', text: 'LOG [unsupported revision]' }],
    ['-j ACCEPT --what', { kind: 'unrecognised', text: 'ACCEPT --what' }],
    ['-j FOO --bar', { kind: 'unrecognised', text: 'FOO --bar' }],
    ['-j', { kind: 'unrecognised', text: '-j' }],
  ];

  test.each(cases)('%s', (words, expected) => {
    expect(targetOf(words)).toEqual(expected);
  });

  test('is the chain when a chain has the name of a target', () => {
    const text = '*nat\n:A - [0:0]\n:DROP - [0:0]\n-A A -j DROP\nCOMMIT\n*filter\n:A - [0:0]\n-A A -j DROP\nCOMMIT\n';
    expect(rulesOf(completeRuleset(text)).map((rule) => rule.target.kind)).toEqual(['jump', 'drop']);
  });

  test('is itself when a chain of its name has rules but was never declared', () => {
    const text = '*nat\n:A - [0:0]\n-A DROP -j A\n-A A -j DROP\nCOMMIT\n';
    expect(completeRuleset(text).tables.get('nat')?.chains.get('A')?.rules).toMatchObject([
      { target: { kind: 'drop' } },
    ]);
  });
});

describe('a comment', () => {
  test.each([
    ['plain_word-1', 'plain_word-1'],
    ['COMMIT', 'COMMIT'],
    ['-j', '-j'],
    ['--comment', '--comment'],
    ['!', '!'],
    ['""', ''],
    ['"two words"', 'two words'],
    [String.raw`"it\'s \"x\" \\ y"`, String.raw`it's "x" \ y`],
    ["'two words'", 'two words'],
    ["'unpaired", "'unpaired"],
    ['"a \u001b[31m \t \r b\u2028c"', 'a \u001b[31m \t \r b\u2028c'],
    [`"${'x'.repeat(65_536)}"`, 'x'.repeat(65_536)],
  ])('%j', (printed, comment) => {
    expect(ruleOf(`-m comment --comment ${printed} -j B`)).toMatchObject({
      comment,
      matches: [],
      target: { kind: 'jump', chain: 'B' },
    });
  });

  test('has a place among the matches when it is not the usual one', () => {
    expect(ruleOf('-p tcp -m comment --comment x -m tcp')).not.toHaveProperty('commentAt');
    expect(ruleOf('-p tcp -m tcp -m comment --comment x')).toHaveProperty('commentAt', 2);
  });

  test('may be one of several', () => {
    expect(ruleOf('-m comment --comment a -m tcp -m comment --comment b')).toMatchObject({
      comment: 'a b',
      comments: [
        { text: 'a', at: 0 },
        { text: 'b', at: 1 },
      ],
    });
  });
});
