import fc from 'fast-check';

/**
 * Random rule sets the kernel accepts: every table, chains that jump and go to later ones (never back), all matches
 * that the walk decides for sure, and no chance but 0 and 1. Values are few, so that rules and packets meet.
 */

const PORTS = ['80', '53', '443', '8080'];
const ADDRESSES = ['10.96.0.20/32', '10.96.0.0/24', '10.0.1.1/32', '10.0.1.2/32', '10.0.2.0/24', '10.168.0.10/32'];

const negation = fc.constantFrom('', '', '! ');
const markValue = fc.constantFrom('0x0/0x1', '0x1/0x1', '0x2/0x2', '0x3', '0x4000/0x4000', '0x80000000/0x80000000');

const addressMatch = fc
  .tuple(negation, fc.constantFrom('-s', '-d'), fc.constantFrom(...ADDRESSES))
  .map(([not, side, address]) => `${not}${side} ${address}`);

const protocolName = fc.constantFrom('tcp', 'udp', 'udp');

const portMatch = fc.oneof(
  fc
    .tuple(protocolName, negation, fc.constantFrom(...PORTS, '50:100', '1024:65535'))
    .map(([protocol, not, port]) => `-p ${protocol} -m ${protocol} ${not}--dport ${port}`),
  fc
    .tuple(
      protocolName,
      negation,
      fc.constantFrom('--dports', '--sports', '--ports'),
      fc.constantFrom('80,443', '53', '20000:40000,80'),
    )
    .map(([protocol, not, side, ports]) => `-p ${protocol} -m multiport ${not}${side} ${ports}`),
  fc.constantFrom('-p tcp', '! -p tcp', '-p udp', '-p 132', '! -p icmp'),
  fc.constantFrom('-p tcp -m tcp --tcp-flags FIN,SYN,RST,ACK SYN', '-p tcp -m tcp ! --tcp-flags FIN,SYN,RST,ACK SYN'),
);

const moduleMatches = [
  fc
    .tuple(fc.constantFrom('mark', 'mark', 'connmark'), negation, markValue)
    .map(([module, not, value]) => `-m ${module} ${not}--mark ${value}`),
  fc
    .tuple(
      negation,
      fc.constantFrom('NEW', 'INVALID', 'RELATED,ESTABLISHED', 'DNAT', 'RELATED,ESTABLISHED,DNAT', 'UNTRACKED', 'SNAT'),
    )
    .map(([not, states]) => `-m conntrack ${not}--ctstate ${states}`),
  fc
    .tuple(
      negation,
      fc.constantFrom('--src-type', '--dst-type'),
      fc.constantFrom('LOCAL', 'MULTICAST', 'LOCAL,MULTICAST'),
    )
    .map(([not, side, type]) => `-m addrtype ${not}${side} ${type}`),
  fc
    .tuple(negation, fc.constantFrom('0', '1'))
    .map(([not, chance]) => `-m statistic --mode random ${not}--probability ${chance}`),
  fc
    .tuple(fc.constantFrom('--set', '--rcheck', '--update', '! --rcheck'), fc.constantFrom('a', 'b'))
    .map(([action, list]) => `-m recent ${action} --name ${list}`),
];

const interfaceMatch = fc
  .tuple(negation, fc.constantFrom('-i', '-o'), fc.constantFrom('in0', 'out0', 'lo', 'i+', 'out+', 'eth1'))
  .map(([not, side, name]) => `${not}${side} ${name}`);

/** Without `-i in0`, which POSTROUTING answers by the kernel's version. */
const surerInterfaceMatch = fc
  .tuple(negation, fc.constantFrom('-i out0', '-i out+', '-i lo', '-o in0', '-o out0', '-o lo', '-o i+', '-o eth1'))
  .map(([not, match]) => `${not}${match}`);

/** Interfaces in chains of users' own alone: only there iptables lets people ask for the one a hook does not have. */
function matches(interfaces: fc.Arbitrary<string> | null): fc.Arbitrary<string> {
  const modules = fc.oneof(...moduleMatches);
  return fc
    .tuple(
      fc.option(addressMatch, { nil: '', freq: 1 }),
      fc.option(portMatch, { nil: '', freq: 1 }),
      fc.option(interfaces === null ? modules : fc.oneof(modules, modules, interfaces), { nil: '', freq: 2 }),
      fc.option(modules, { nil: '', freq: 1 }),
    )
    .map((parts) => parts.filter((part) => part !== '').join(' '));
}

const setMark = fc
  .constantFrom('0x1/0x1', '0x2/0x2', '0x3/0x0', '0x0/0x2', '0x4000/0x4000', '0x80000000/0x80000000')
  .map((value) => `-j MARK --set-xmark ${value}`);

const COMMON = [
  fc.constant('-j RETURN'),
  fc.constant('-j ACCEPT'),
  fc.constant(''),
  setMark,
  setMark,
  fc.constantFrom('-j CONNMARK --save-mark', '-j CONNMARK --restore-mark', '-j CONNMARK --set-xmark 0x2/0x2'),
];

const destinationNat = fc.constantFrom(
  ...['10.168.0.10:9376', '10.168.1.12', ':8080', '10.0.1.1:443', '10.0.2.1', '10.0.2.9:53'].map(
    (to) => `-p udp -j DNAT --to-destination ${to}`,
  ),
  ...['10.168.0.10:9376', '10.0.1.1:443'].map((to) => `-p tcp -j DNAT --to-destination ${to}`),
  '-p udp -j REDIRECT --to-ports 53',
);

/** A table: its hooks, and the targets its chains may have besides the common ones. */
interface Ground {
  readonly table: string;
  readonly hooks: readonly string[];
  /** Beginning of the names of the chains these hooks share: NAT targets bind a chain to its kind of hook. */
  readonly prefix: string;
  readonly targets: readonly fc.Arbitrary<string>[];
  readonly policies: readonly string[];
}

const GROUNDS: readonly Ground[] = [
  {
    table: 'raw',
    hooks: ['PREROUTING', 'OUTPUT'],
    prefix: 'R',
    targets: [fc.constantFrom('-j CT --notrack', '-j DROP', '', '', '')],
    policies: ['ACCEPT'],
  },
  {
    table: 'mangle',
    hooks: ['PREROUTING', 'INPUT', 'FORWARD', 'OUTPUT', 'POSTROUTING'],
    prefix: 'M',
    targets: [setMark, fc.constantFrom('-j DROP', '', '', '')],
    policies: ['ACCEPT'],
  },
  {
    table: 'nat',
    hooks: ['PREROUTING', 'OUTPUT'],
    prefix: 'D',
    targets: [destinationNat, destinationNat, destinationNat],
    policies: ['ACCEPT'],
  },
  {
    table: 'nat',
    hooks: ['POSTROUTING'],
    prefix: 'S',
    targets: [fc.constantFrom('-j MASQUERADE', '-j SNAT --to-source 10.0.2.77')],
    policies: ['ACCEPT'],
  },
  {
    table: 'filter',
    hooks: ['INPUT', 'FORWARD', 'OUTPUT'],
    prefix: 'F',
    targets: [fc.constantFrom('-j DROP', '-j REJECT --reject-with icmp-port-unreachable')],
    policies: ['ACCEPT', 'ACCEPT', 'ACCEPT', 'ACCEPT', 'DROP'],
  },
];

const CHAINS = 4;

/** Rules of one chain; it leads only to chains after it, so nothing loops. */
function rulesOf({ prefix, targets, hooks }: Ground, chain: string, level: number): fc.Arbitrary<readonly string[]> {
  const interfaces = hooks.includes('POSTROUTING') ? surerInterfaceMatch : interfaceMatch;
  const deeper = Array.from({ length: CHAINS - level }, (_, next) => `${prefix}${level + next}`);
  const jumps = deeper.length === 0 ? [] : [fc.constantFrom(...deeper.flatMap((to) => [`-j ${to}`, `-g ${to}`]))];
  const target = fc.oneof(...COMMON, ...targets, ...jumps, ...jumps, ...jumps, ...jumps);
  const rule = fc
    .tuple(matches(level === 0 ? null : interfaces), target)
    .map(([match, to]) => joinRule(chain, match, to));
  return fc.array(rule, { minLength: 1, maxLength: 5 });
}

/** Two `-p` in one rule contradict each other: then the target's must be the same, or it becomes RETURN. */
function joinRule(chain: string, match: string, target: string): string {
  const own = /^-p (tcp|udp) /.exec(target)?.[1];
  const theirs = /(?:^| )(! )?-p (\S+)/.exec(match);
  if (own === undefined || theirs === null) return `-A ${chain} ${match} ${target}`.trim();
  const fits = theirs[1] === undefined && theirs[2] === own;
  return `-A ${chain} ${match} ${fits ? target.replace(/^-p \S+ /, '') : '-j RETURN'}`;
}

interface TableText {
  readonly heads: readonly string[];
  readonly rules: readonly string[];
}

function textOf(ground: Ground): fc.Arbitrary<TableText> {
  const own = Array.from({ length: CHAINS }, (_, level) => `${ground.prefix}${level}`);
  const policies = fc.tuple(...ground.hooks.map(() => fc.constantFrom(...ground.policies)));
  const rules = fc.tuple(
    ...ground.hooks.map((hook) => rulesOf(ground, hook, 0)),
    ...own.map((chain, level) => rulesOf(ground, chain, level + 1)),
  );
  return fc.tuple(policies, rules).map(([policy, lists]) => ({
    heads: [
      ...ground.hooks.map((hook, at) => `:${hook} ${policy[at] ?? 'ACCEPT'} [0:0]`),
      ...own.map((chain) => `:${chain} - [0:0]`),
    ],
    rules: lists.flat(),
  }));
}

/** A save of all tables, as text for iptables-restore. */
export const randomSave: fc.Arbitrary<string> = fc.tuple(...GROUNDS.map(textOf)).map((texts) => {
  const tables = [...new Set(GROUNDS.map(({ table }) => table))];
  return tables
    .map((table) =>
      printTable(
        table,
        texts.filter((_, at) => GROUNDS[at]?.table === table),
      ),
    )
    .join('');
});

function printTable(table: string, parts: readonly TableText[]): string {
  const lines = [...parts.flatMap(({ heads }) => heads), ...parts.flatMap(({ rules }) => rules)];
  return `*${table}\n${lines.join('\n')}\nCOMMIT\n`;
}

/** A packet to send. */
export interface RandomProbe {
  readonly from: 'client' | 'node';
  readonly protocol: 'tcp' | 'udp';
  readonly destination: string;
  readonly port: number;
}

export const randomProbe: fc.Arbitrary<RandomProbe> = fc.record({
  from: fc.constantFrom('client', 'client', 'node'),
  protocol: fc.constantFrom('udp', 'udp', 'tcp'),
  destination: fc.constantFrom('10.96.0.20', '10.96.0.20', '10.0.1.1', '10.0.2.1', '10.168.0.10', '10.0.2.9'),
  port: fc.constantFrom(...PORTS.map(Number)),
});
