import * as fc from 'fast-check';
import { cidrOf, parseIp, type Cidr } from '../../src/model/address.ts';
import type { Match, PortRange, Rule, Target } from '../../src/netfilter/rules.ts';
import { headersOf, isHeader } from '../../src/netfilter/save-header.ts';

/** Rules over the whole union of matches and targets, as iptables could print them in table filter of IPv4. */

const negated = fc.boolean();
const uint32 = fc.nat({ max: 0xffff_ffff });
const name = fc.stringMatching(/^[a-zA-Z][a-zA-Z0-9_.-]{0,14}$/);

function range(bytes: readonly number[], prefix: number): Cidr {
  const ip = parseIp(bytes.join('.'));
  if (ip === null) throw new Error(`${bytes.join('.')} is no address`);
  return cidrOf(ip, prefix);
}

const cidr = fc
  .tuple(fc.array(fc.nat({ max: 255 }), { minLength: 4, maxLength: 4 }), fc.nat({ max: 32 }))
  .map(([bytes, prefix]) => range(bytes, prefix));

const ports: fc.Arbitrary<PortRange> = fc
  .tuple(fc.nat({ max: 65_535 }), fc.nat({ max: 65_535 }))
  .map(([a, b]) => ({ from: Math.min(a, b), to: Math.max(a, b) }));

const optional = (number: fc.Arbitrary<number>): fc.Arbitrary<number | null> => fc.option(number, { nil: null });

const kind = <K extends string>(value: K): fc.Arbitrary<K> => fc.constant(value);

const headers: readonly fc.Arbitrary<Match>[] = [
  fc.record({ kind: kind('source'), negated, cidr }),
  fc.record({ kind: kind('destination'), negated, cidr }),
  fc.record({ kind: kind('in-interface'), negated, name }),
  fc.record({ kind: kind('out-interface'), negated, name }),
  fc.record({ kind: kind('protocol'), negated, protocol: fc.constantFrom('tcp', 'udp', 'ipv6-icmp', '132', 'all') }),
  fc.constantFrom<Match>(
    { kind: 'opaque', module: 'ip', options: ['-f'] },
    { kind: 'opaque', module: 'ip', options: ['!', '-f'] },
  ),
];

const portModule = fc.constantFrom('tcp', 'udp', 'udplite', 'sctp', 'dccp');

const opaque = fc.constantFrom<Match>(
  { kind: 'opaque', module: 'tcp', options: ['--tcp-flags', 'SYN,RST', 'SYN'] },
  { kind: 'opaque', module: 'tcp', options: ['!', '--tcp-option', '5'] },
  { kind: 'opaque', module: 'conntrack', options: ['--ctproto', '6', '!', '--ctdir', 'ORIGINAL'] },
  { kind: 'opaque', module: 'socket', options: [] },
  { kind: 'opaque', module: 'rpfilter', options: ['--loose', '--invert'] },
  { kind: 'opaque', module: 'string', options: ['--string', '"a \\" b"', '--algo', 'bm', '--to', '200'] },
  { kind: 'opaque', module: 'string', options: ['!', '--string', '-j', '--algo', '-m'] },
  { kind: 'opaque', module: 'comment', options: [] },
);

const modules: readonly fc.Arbitrary<Match>[] = [
  fc.record({ kind: kind('protocol-module'), module: fc.constantFrom('tcp', 'udp', 'icmp', 'icmp6', 'esp') }),
  fc.record({ kind: fc.constantFrom('source-port', 'destination-port'), module: portModule, negated, range: ports }),
  fc.record({
    kind: kind('multiport'),
    side: fc.constantFrom('source', 'destination', 'either'),
    negated,
    ranges: fc.array(ports, { minLength: 1, maxLength: 15 }),
  }),
  fc.record({
    kind: kind('address-type'),
    side: fc.constantFrom('source', 'destination'),
    negated,
    types: fc.subarray(['LOCAL', 'UNICAST', 'BROADCAST'], { minLength: 1 }),
    limit: fc.constantFrom('in', 'out', null),
  }),
  fc.record({ kind: fc.constantFrom('mark', 'connmark'), negated, value: uint32, mask: uint32 }),
  fc.record({
    kind: kind('conntrack-state'),
    module: fc.constantFrom('conntrack', 'state'),
    negated,
    states: fc.subarray(['INVALID', 'NEW', 'RELATED', 'ESTABLISHED', 'DNAT'], { minLength: 1 }),
  }),
  fc.record({
    kind: kind('statistic-random'),
    negated,
    probability: fc.nat({ max: 2 ** 31 }).map((units) => (units / 2 ** 31).toFixed(11)),
  }),
  fc.record({ kind: kind('statistic-nth'), negated, every: uint32, packet: uint32 }),
  fc.record({
    kind: kind('recent'),
    negated,
    action: fc.constantFrom('set', 'rcheck', 'update', 'remove'),
    seconds: optional(uint32),
    hitcount: optional(uint32),
    reap: fc.boolean(),
    name,
    mask: fc.constantFrom('255.255.255.255', '255.255.255.0'),
    side: fc.constantFrom('rsource', 'rdest'),
    ttl: fc.boolean(),
  }),
  fc.record({ kind: kind('nfacct'), name: fc.string({ minLength: 1 }).filter((text) => !text.startsWith("'")) }),
  fc.record({
    kind: kind('set'),
    negated,
    name,
    directions: fc.constantFrom('src', 'dst,dst'),
    rest: fc.constantFrom([], ['--return-nomatch'], ['!', '--update-counters', '--packets-gt', '5']),
  }),
  fc.record({
    kind: kind('physdev'),
    options: fc.constantFrom(['--physdev-is-bridged'], ['!', '--physdev-in', 'eth+', '--physdev-is-in']),
  }),
  opaque,
  fc.record({ kind: kind('unrecognised'), text: fc.constantFrom('-m foo --bar 1', '-m foo [unsupported revision]') }),
];

export const anyMatch: fc.Arbitrary<Match> = fc.oneof(...headers, ...modules);

const flags = (...all: readonly string[]): fc.Arbitrary<string[]> => fc.subarray([...all]);

export const anyTarget: fc.Arbitrary<Target> = fc.oneof(
  fc.constantFrom<Target>({ kind: 'none' }, { kind: 'accept' }, { kind: 'drop' }, { kind: 'return' }),
  fc.record({ kind: kind('reject'), with: fc.constantFrom(null, 'tcp-reset', 'icmp-port-unreachable') }),
  fc.record({ kind: fc.constantFrom('jump', 'goto'), chain: fc.constantFrom('A', 'B') }),
  fc.record({
    kind: kind('dnat'),
    to: fc.constantFrom('10.0.0.1:80', '[fd00::1]:80', ':8080', null),
    flags: flags('--random', '--persistent'),
  }),
  fc.record({ kind: kind('snat'), to: fc.constantFrom('10.0.0.1-10.0.0.9', null), flags: flags('--random-fully') }),
  fc.record({ kind: kind('masquerade'), toPorts: fc.constantFrom('1-2', null), flags: flags('--random-fully') }),
  fc.record({ kind: fc.constantFrom('mark', 'connmark-set'), value: uint32, mask: uint32 }),
  fc.record({
    kind: kind('connmark'),
    options: fc.constantFrom(['--save-mark'], ['--restore-mark', '--nfmask', '0x80']),
  }),
  fc.record({
    kind: kind('continue'),
    name: fc.constantFrom('LOG', 'NFLOG'),
    options: fc.constantFrom([], ['--log-prefix', '"a \\" b "'], ['--log-prefix', '-j']),
  }),
  fc.record({ kind: kind('opaque'), name: fc.constantFrom('CT', 'SET'), options: fc.constantFrom([], ['--notrack']) }),
  fc.record({ kind: kind('unrecognised'), text: fc.constantFrom('FOO --bar', 'DNAT [unsupported revision]') }),
);

/** Any text the kernel can hold; newlines, quotes and control characters are likely. */
export const anyComment: fc.Arbitrary<string> = fc
  .array(
    fc.oneof(fc.string({ unit: 'binary' }), fc.constantFrom('"', "'", '\\', '\n', '\r', '\t', ' ', '-j', 'COMMIT')),
  )
  .map((parts) => parts.join('').replaceAll('\0', ''));

function withCommentAt(rule: Rule, commentAt: number): Rule {
  return { ...rule, commentAt };
}

const someHeaders = fc.tuple(...headers.map((each) => fc.option(each))).map((all) => all.filter((one) => one !== null));

/** A rule as the parser would have read it: header matches first and in their order. */
export const anyRule: fc.Arbitrary<Rule> = fc
  .record({
    front: someHeaders,
    rest: fc.array(fc.oneof(...modules), { maxLength: 5 }),
    comment: fc.option(anyComment),
    place: fc.nat({ max: 5 }),
    target: anyTarget,
  })
  .map(({ front, rest, comment, place, target }) => {
    const matches = [...front, ...rest.filter((match) => !isHeader(match))];
    const usual = headersOf(matches);
    const at = Math.min(usual + place, matches.length);
    const rule: Rule = { chain: 'A', line: 4, raw: '', counters: null, matches, comment, target };
    return comment === null || at === usual ? rule : withCommentAt(rule, at);
  });

const word = fc.stringMatching(/^[a-z0-9]{1,12}$/);

/** Marks whose value has no bit outside of the mask: the kernel keeps others too, but no tool writes them. */
const mark = fc.tuple(uint32, uint32).map(([value, mask]) => ({ value: (value & mask) >>> 0, mask }));

const tcp: Match = { kind: 'protocol', negated: false, protocol: 'tcp' };

const loadableModules: readonly fc.Arbitrary<Match>[] = [
  fc.record({ kind: kind('source-port'), module: fc.constant('tcp'), negated, range: ports }),
  fc.record({ kind: kind('destination-port'), module: fc.constant('tcp'), negated, range: ports }),
  fc.constant({ kind: 'opaque', module: 'tcp', options: ['--tcp-flags', 'SYN,RST', 'SYN'] }),
  fc.record({
    kind: kind('multiport'),
    side: fc.constantFrom('source', 'destination', 'either'),
    negated,
    ranges: fc.array(ports, { minLength: 1, maxLength: 7 }),
  }),
  fc.record({
    kind: kind('address-type'),
    side: kind('source'),
    negated,
    types: fc.subarray(['UNICAST', 'LOCAL', 'BROADCAST'], { minLength: 1 }),
    limit: fc.constant(null),
  }),
  fc.record({
    kind: kind('address-type'),
    side: kind('destination'),
    negated,
    types: fc.subarray(['UNICAST', 'LOCAL', 'BROADCAST'], { minLength: 1 }),
    limit: fc.constant(null),
  }),
  fc
    .tuple(fc.constantFrom('mark', 'connmark'), negated, mark)
    .map(([kind, negated, { value, mask }]) => ({ kind, negated, value, mask })),
  fc.record({
    kind: kind('conntrack-state'),
    module: kind('conntrack'),
    negated,
    states: fc.subarray(['INVALID', 'NEW', 'RELATED', 'ESTABLISHED', 'UNTRACKED', 'SNAT', 'DNAT'], { minLength: 1 }),
  }),
  fc.record({
    kind: kind('statistic-random'),
    negated,
    probability: fc.integer({ min: 1, max: 2 ** 31 - 1 }).map((units) => (units / 2 ** 31).toFixed(11)),
  }),
  fc.integer({ min: 2, max: 9 }).map((every) => ({ kind: 'statistic-nth', negated: false, every, packet: every - 1 })),
  fc.record({
    kind: kind('recent'),
    negated,
    action: fc.constantFrom('rcheck', 'update'),
    seconds: optional(fc.integer({ min: 1, max: 99_999 })),
    hitcount: optional(fc.integer({ min: 1, max: 20 })),
    reap: fc.constant(false),
    name: word,
    mask: fc.constantFrom('255.255.255.255', '255.255.255.0'),
    side: fc.constantFrom('rsource', 'rdest'),
    ttl: fc.boolean(),
  }),
];

const loadableTarget = fc.constantFrom<Target>(
  ...([{ kind: 'none' }, { kind: 'accept' }, { kind: 'drop' }, { kind: 'return' }] as const),
  { kind: 'reject', with: 'tcp-reset' },
  { kind: 'jump', chain: 'B' },
  { kind: 'goto', chain: 'B' },
  { kind: 'continue', name: 'LOG', options: ['--log-prefix', '"a \\" b "'] },
);

/** Rules that the kernel takes, in table filter of IPv4, with comments that iptables-restore can read. */
export const loadableRule: fc.Arbitrary<Rule> = fc
  .record({
    source: fc.option(fc.record({ kind: kind('source'), negated, cidr: cidr.filter((range) => range.prefix > 0) })),
    destination: fc.option(
      fc.record({ kind: kind('destination'), negated, cidr: cidr.filter((range) => range.prefix > 0) }),
    ),
    into: fc.option(fc.record({ kind: kind('in-interface'), negated, name: word })),
    modules: fc.tuple(...loadableModules.map((each) => fc.option(each, { freq: 1 }))),
    comment: fc.option(fc.string({ unit: 'grapheme-ascii', maxLength: 250 })),
    target: loadableTarget,
  })
  .map(({ source, destination, into, modules, comment, target }) => {
    const matches = [source, destination, into, tcp, ...modules].filter((match) => match !== null);
    return { chain: 'A', line: 0, raw: '', counters: null, matches, comment, target };
  });
