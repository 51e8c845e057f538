/**
 * Saved rules as the kernel would apply them, read by a second, plain reader that shares nothing with the program's own:
 * what both get wrong in the same way, no comparison of the two would show.
 */
import { BlockList } from 'node:net';

export type State = 'NEW' | 'ESTABLISHED' | 'INVALID';

export interface Packet {
  readonly protocol: string;
  readonly source: string;
  readonly destination: string;
  readonly port: number;
  /** null: made on the node itself. */
  readonly input: string | null;
  /** Known once the packet is routed. */
  readonly output: string | null;
  readonly mark: number;
  readonly state: State;
  readonly translated: boolean;
  /** Lists of `recent` its source address is on, and for how many seconds. */
  readonly remembered: ReadonlyMap<string, number>;
}

export type Matcher = (packet: Packet, isLocal: (address: string) => boolean) => boolean;

export interface KernelRule {
  readonly matchers: readonly Matcher[];
  /** The part of the packets it applies to, of those that match. */
  readonly chance: number;
  /** `recent --set`. */
  readonly remembers: string | null;
  readonly target: string | null;
  readonly isGoto: boolean;
  /** `--to-destination`, or the two numbers of `--set-xmark`. */
  readonly argument: string | null;
}

export interface KernelChain {
  readonly policy: string | null;
  readonly rules: readonly KernelRule[];
}

export type KernelTables = ReadonlyMap<string, ReadonlyMap<string, KernelChain>>;

export function readTables(lines: readonly string[]): KernelTables {
  const tables = new Map<string, Map<string, { policy: string | null; rules: KernelRule[] }>>();
  let table = new Map<string, { policy: string | null; rules: KernelRule[] }>();
  for (const line of lines) {
    if (line.startsWith('*')) tables.set(line.slice(1), (table = new Map()));
    else if (line.startsWith(':')) {
      const [name = '', policy = '-'] = line.slice(1).split(' ');
      table.set(name, { policy: policy === '-' ? null : policy, rules: [] });
    } else {
      const words = wordsOf(line);
      if (words[0] === '-A') table.get(words[1] ?? '')?.rules.push(readRule(words));
    }
  }
  return tables;
}

/** Without counters; a quoted text is one word. */
function wordsOf(line: string): readonly string[] {
  const words = line.replace(/^\[\d+:\d+\] /, '').match(/"(?:[^"\\]|\\.)*"|\S+/g);
  return words ?? [];
}

const cache = new Map<string, KernelRule>();

function readRule(words: readonly string[]): KernelRule {
  const key = words.slice(2).join(' ');
  const known = cache.get(key);
  if (known !== undefined) return known;
  const rule = compile(words);
  cache.set(key, rule);
  return rule;
}

/** What a rule of another program does that is not modelled here: it is taken not to apply. */
const NEVER: Matcher = () => false;

function compile(words: readonly string[]): KernelRule {
  const matchers: Matcher[] = [];
  let chance = 1;
  let remembers: string | null = null;
  let target: string | null = null;
  let isGoto = false;
  let argument: string | null = null;
  let negated = false;
  let recent: { action: string; name: string; seconds: number } | null = null;
  const add = (matcher: Matcher): void => {
    const wanted = !negated;
    matchers.push((packet, isLocal) => matcher(packet, isLocal) === wanted);
    negated = false;
  };
  for (let index = 2; index < words.length; index++) {
    const word = words[index] ?? '';
    const next = (): string => words[++index] ?? '';
    switch (word) {
      case '!':
        negated = true;
        break;
      case '-s':
        add(inSubnet(next(), (packet) => packet.source));
        break;
      case '-d':
        add(inSubnet(next(), (packet) => packet.destination));
        break;
      case '-p': {
        const protocol = next();
        add((packet) => packet.protocol === protocol);
        break;
      }
      case '-i':
        add(isInterface(next(), (packet) => packet.input));
        break;
      case '-o':
        add(isInterface(next(), (packet) => packet.output));
        break;
      case '--dport':
        add(hasPort(next()));
        break;
      case '--dports':
        add(hasPort(next()));
        break;
      case '--dst-type':
        add(isType(next(), (packet) => packet.destination));
        break;
      case '--src-type':
        add(isType(next(), (packet) => packet.source));
        break;
      case '--ctstate': {
        const states = next().split(',');
        add((packet) => states.includes(packet.state) || (packet.translated && states.includes('DNAT')));
        break;
      }
      case '--mark': {
        const [value = 0, mask = 0xffffffff] = next().split('/').map(Number);
        add((packet) => (packet.mark & mask) >>> 0 === value);
        break;
      }
      case '--physdev-is-in':
        // Routed, not bridged.
        add(() => false);
        break;
      case '--probability':
        chance = Number(next());
        break;
      case '--rcheck':
      case '--set':
        recent = { action: word, name: '', seconds: Infinity };
        break;
      case '--name':
        if (recent !== null) recent.name = next();
        break;
      case '--seconds':
        if (recent !== null) recent.seconds = Number(next());
        break;
      case '-m':
      case '--comment':
      case '--mode':
      case '--nfacct-name':
      case '--mask':
      case '--reject-with':
        index++;
        break;
      case '--reap':
      case '--rsource':
      case '--random-fully':
      case '--limit-iface-out':
        break;
      case '-j':
      case '-g':
        target = next();
        isGoto = word === '-g';
        break;
      case '--to-destination':
      case '--set-xmark':
        argument = next();
        break;
      default:
        if (target === null) matchers.push(NEVER);
    }
  }
  if (recent !== null && recent.action === '--set') remembers = recent.name;
  if (recent !== null && recent.action === '--rcheck') matchers.push(isRemembered(recent.name, recent.seconds));
  return { matchers, chance, remembers, target, isGoto, argument };
}

function isRemembered(name: string, seconds: number): Matcher {
  return (packet) => (packet.remembered.get(name) ?? Infinity) <= seconds;
}

function inSubnet(text: string, of: (packet: Packet) => string): Matcher {
  const [address = '', prefix] = text.split('/');
  const family = address.includes(':') ? 'ipv6' : 'ipv4';
  const subnet = new BlockList();
  subnet.addSubnet(address, Number(prefix ?? (family === 'ipv6' ? 128 : 32)), family);
  const answers = new Map<string, boolean>();
  return (packet) => {
    const own = of(packet);
    const known = answers.get(own);
    if (known !== undefined) return known;
    const answer = subnet.check(own, own.includes(':') ? 'ipv6' : 'ipv4');
    answers.set(own, answer);
    return answer;
  };
}

function isInterface(name: string, of: (packet: Packet) => string | null): Matcher {
  const prefix = name.endsWith('+') ? name.slice(0, -1) : null;
  return (packet) => {
    const own = of(packet) ?? '';
    return prefix === null ? own === name : own.startsWith(prefix);
  };
}

function hasPort(text: string): Matcher {
  const ranges = text.split(',').map((part) => part.split(':').map(Number));
  return (packet) => ranges.some(([from = 0, to = from]) => packet.port >= from && packet.port <= to);
}

function isType(type: string, of: (packet: Packet) => string): Matcher {
  return type === 'LOCAL' ? (packet, isLocal) => isLocal(of(packet)) : NEVER;
}
