/** Damage: edits of one rule of a saved rule set, as text, each leaving a text iptables-restore would load. */

/** Where an edit is made: the lines of a save, and the rule's place in them. */
export interface Spot {
  readonly lines: readonly string[];
  readonly index: number;
  readonly table: string;
  readonly chain: string;
}

export interface Damage {
  readonly lines: readonly string[];
  /** The chains whose rules changed, `table CHAIN`. */
  readonly touched: readonly string[];
}

export interface Operator {
  readonly name: string;
  /** null: does not apply to such a rule. */
  readonly apply: (spot: Spot) => Damage | null;
  /** It changes nothing any packet or reader of the rules could care about: not even a warning is due. */
  readonly harmless?: true;
}

function textAt({ lines, index }: Spot): string {
  return lines[index] ?? '';
}

function touchedBy({ table, chain }: Spot): readonly string[] {
  return [`${table} ${chain}`];
}

/** The KUBE chain an entry leads to. */
function targetOf(text: string): string | undefined {
  return /(?<=-j )KUBE-(?:SVC|SVL|EXT|FW|XLB)-\S+/.exec(text)?.[0];
}

function put(spot: Spot, ...replacement: readonly string[]): Damage {
  return { lines: spot.lines.toSpliced(spot.index, 1, ...replacement), touched: touchedBy(spot) };
}

/** Replaces the first match in the rule. */
function edit(name: string, pattern: RegExp, replacement: string | ((match: string) => string)): Operator {
  return {
    name,
    apply: (spot) => {
      const text = textAt(spot);
      const changed =
        typeof replacement === 'string' ? text.replace(pattern, replacement) : text.replace(pattern, replacement);
      return changed === text ? null : put(spot, changed);
    },
  };
}

function isOurs(spot: Spot): boolean {
  return spot.chain.startsWith('KUBE-') || textAt(spot).includes('-j KUBE-');
}

function sameChain(spot: Spot): readonly number[] {
  const start = spot.lines.lastIndexOf(`*${spot.table}`, spot.index);
  const end = spot.lines.indexOf('COMMIT', spot.index);
  const own: number[] = [];
  for (let index = start; index < end; index++) {
    if (chainOf(spot.lines[index] ?? '') === spot.chain) own.push(index);
  }
  return own;
}

/** The chain a rule is in; undefined for a line that is no rule. */
export function chainOf(line: string): string | undefined {
  return /^(?:\[\d+:\d+\] )?-A (\S+)/.exec(line)?.[1];
}

function move(spot: Spot, to: 'first' | 'last'): Damage | null {
  const own = sameChain(spot);
  const target = to === 'first' ? own[0] : own.at(-1);
  if (target === undefined || target === spot.index) return null;
  const lines = spot.lines.toSpliced(spot.index, 1);
  return { lines: lines.toSpliced(target, 0, textAt(spot)), touched: [`${spot.table} ${spot.chain}`] };
}

/** Another chain of the same kind in the same table. */
function sibling(spot: Spot, chain: string): string | null {
  const kind = /^KUBE-[A-Z]+-/.exec(chain)?.[0];
  if (kind === undefined) return null;
  const start = spot.lines.lastIndexOf(`*${spot.table}`, spot.index);
  for (let index = start; index < spot.index; index++) {
    const name = /^:(\S+)/.exec(spot.lines[index] ?? '')?.[1];
    if (name !== undefined && name !== chain && name.startsWith(kind)) return name;
  }
  return null;
}

const bump = (match: string): string => match.replace(/\d+$/, (digits) => String(Number(digits) + 1));

export const OPERATORS: readonly Operator[] = [
  { name: 'delete', apply: (spot) => put(spot) },
  { name: 'duplicate', apply: (spot) => put(spot, textAt(spot), textAt(spot)) },
  { name: 'move to the front of the chain', apply: (spot) => move(spot, 'first') },
  { name: 'move to the end of the chain', apply: (spot) => move(spot, 'last') },
  {
    name: 'jump to another chain of the kind',
    apply: (spot) => {
      const target = /-j (KUBE-[A-Z]+-\S+)/.exec(textAt(spot))?.[1];
      const other = target === undefined ? null : sibling(spot, target);
      return target === undefined || other === null ? null : put(spot, textAt(spot).replace(target, other));
    },
  },
  {
    name: 'empty the chain',
    apply: (spot) => {
      const own = new Set(sameChain(spot));
      if (!spot.chain.startsWith('KUBE-') || Math.min(...own) !== spot.index) return null;
      return { lines: spot.lines.filter((_, index) => !own.has(index)), touched: [`${spot.table} ${spot.chain}`] };
    },
  },
  edit('another destination address', / -d (\S+?)\/(32|128)/, (match) =>
    match.includes(':') ? ' -d fd00:9::99/128' : ' -d 10.111.9.99/32',
  ),
  edit('another source address', / -s (\S+)/, (match) =>
    match.includes(':') ? ' -s fd00:9::99/128' : ' -s 10.9.9.99/32',
  ),
  edit('another port', /--dport \d+/, bump),
  edit('another protocol', / -p (tcp|udp|sctp) (.*?)-m \1 /, (match) => {
    const other = match.includes('-p tcp') ? 'udp' : 'tcp';
    return match.replace(/ -p \w+ /, ` -p ${other} `).replace(/-m (?:tcp|udp|sctp) $/, `-m ${other} `);
  }),
  edit('another DNAT address', /--to-destination \[?[0-9a-f.:]+?\]?(?=:\d+$)/, (match) =>
    match.includes('[') ? '--to-destination [fd00:9::99]' : '--to-destination 10.9.9.99',
  ),
  edit('another DNAT port', /--to-destination \S+:\d+/, bump),
  edit('another mark set', /--set-xmark 0x[0-9a-f]+\//, '--set-xmark 0x10000/'),
  edit('another mark asked for', /--mark 0x[0-9a-f]+\/0x[0-9a-f]+/, '--mark 0x10000/0x10000'),
  edit('half the probability', /--probability [\d.]+/, (match) =>
    match.replace(/[\d.]+$/, (chance) => (Number(chance) / 2).toFixed(11)),
  ),
  edit('without the probability', /-m statistic --mode random --probability \S+ /, ''),
  edit('negated destination', /(?<! !) -d /, ' ! -d '),
  edit('negated mark', /! --mark/, '--mark'),
  edit('negated state', /--ctstate/, '! --ctstate'),
  edit('without the destination', /(?: !)? -d \S+/, ''),
  edit('another affinity time', /--seconds \d+/, bump),
  edit('another affinity list', /--name KUBE-SEP-\w{4}/, '--name KUBE-SEP-ZZZZ'),
  edit('DROP instead of REJECT', /-j REJECT --reject-with \S+/, '-j DROP'),
  edit('ACCEPT instead of DROP', /-j DROP$/, '-j ACCEPT'),
  edit('RETURN instead of the jump', /-j KUBE-\S+$/, '-j RETURN'),
  {
    name: 'a foreign RETURN before it',
    apply: (spot) => (isOurs(spot) ? put(spot, `-A ${spot.chain} -j RETURN`, textAt(spot)) : null),
  },
  {
    name: 'a foreign DROP of a port before it',
    apply: (spot) =>
      isOurs(spot) && spot.table === 'filter'
        ? put(spot, `-A ${spot.chain} -p tcp -m tcp --dport 8080 -j DROP`, textAt(spot))
        : null,
  },
  {
    name: 'a stale entry before it',
    apply: (spot) => {
      const text = textAt(spot);
      if (spot.chain !== 'KUBE-SERVICES' || !/-j KUBE-(SVC|EXT|SVL)-/.test(text)) return null;
      const stale = text.replace(/ -d \S+/, text.includes('/128') ? ' -d fd00:10:96::dead/128' : ' -d 10.111.9.98/32');
      return put(spot, stale, text);
    },
  },
  {
    name: 'swap targets with the next entry',
    apply: (spot) => {
      const own = sameChain(spot);
      const next = own[own.indexOf(spot.index) + 1];
      const [mine, other] = [textAt(spot), next === undefined ? '' : (spot.lines[next] ?? '')].map(targetOf);
      if (next === undefined || mine === undefined || other === undefined || mine === other) return null;
      const lines = spot.lines.with(spot.index, textAt(spot).replace(mine, other));
      return { lines: lines.with(next, (spot.lines[next] ?? '').replace(other, mine)), touched: touchedBy(spot) };
    },
  },
  {
    name: 'policy DROP of the built-in chain',
    apply: (spot) => {
      if (spot.chain.startsWith('KUBE-') || sameChain(spot)[0] !== spot.index || spot.table === 'nat') return null;
      const at = spot.lines.findLastIndex((line, index) => index < spot.index && line.startsWith(`:${spot.chain} `));
      const line = spot.lines[at] ?? '';
      return { lines: spot.lines.with(at, line.replace('ACCEPT', 'DROP')), touched: touchedBy(spot) };
    },
  },
  {
    name: 'a DROP of its address in mangle',
    apply: (spot) => {
      const address = / -d (\S+)/.exec(textAt(spot))?.[1];
      if (spot.table !== 'nat' || spot.chain !== 'KUBE-SERVICES' || address === undefined) return null;
      // At the end of table mangle, which stands first.
      const end = spot.lines.indexOf('COMMIT');
      if (spot.lines.lastIndexOf('*mangle', end) < 0) return null;
      return {
        lines: spot.lines.toSpliced(end, 0, `-A PREROUTING -d ${address} -j DROP`, `-A OUTPUT -d ${address} -j DROP`),
        touched: ['mangle PREROUTING', 'mangle OUTPUT'],
      };
    },
  },
  {
    name: 'another comment',
    harmless: true,
    apply: (spot) => {
      const text = textAt(spot);
      const changed = text.replace(/--comment (?:"[^"]*"|\S+)/, '--comment "something else"');
      // Some comments are all that tells rules of several ports apart; who changes them changes whose rule it is.
      return changed === text || /has no (local )?endpoints|health check node port/.test(text)
        ? null
        : put(spot, changed);
    },
  },
  edit('another reason of the REJECT', /icmp6?-port-unreachable/, (match) => match.replace('port', 'addr')),
];
