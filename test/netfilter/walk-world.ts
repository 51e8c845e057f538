import { readFileSync } from 'node:fs';
import type { Ip } from '../../src/model/address.ts';
import { familyOf, parseIp } from '../../src/model/address.ts';
import type { NodeContext, Packet } from '../../src/netfilter/packet.ts';
import { nodeWithAddresses } from '../../src/netfilter/packet.ts';
import { parseSave } from '../../src/netfilter/parse.ts';
import type { Ruleset } from '../../src/netfilter/rules.ts';
import type { WalkOptions, WalkResult } from '../../src/netfilter/walk.ts';
import { walk } from '../../src/netfilter/walk.ts';

/** An address that the test itself wrote. */
export function ip(text: string): Ip {
  const parsed = parseIp(text);
  if (parsed === null) throw new Error(`${text} is no address`);
  return parsed;
}

/** The first packet of a TCP connection from 192.0.2.7 to 10.96.0.20:80, unless told otherwise. */
export function packetOf(changes: Partial<Packet> = {}): Packet {
  const source = changes.source ?? ip('192.0.2.7');
  return {
    family: familyOf(source),
    protocol: 'tcp',
    source,
    sourcePort: null,
    destination: ip('10.96.0.20'),
    destinationPort: 80,
    inInterface: null,
    outInterface: null,
    mark: 0,
    state: 'NEW',
    ...changes,
  };
}

/** A node all of whose addresses are known. */
export function nodeAt(...addresses: readonly string[]): NodeContext {
  return nodeWithAddresses({ localAddresses: new Set(addresses.map(ip)), complete: true });
}

/** A whole save from its tables, each a name and lines; COMMIT is added. */
export function saveOf(tables: Readonly<Record<string, readonly string[]>>): string {
  return Object.entries(tables)
    .map(([name, lines]) => `*${name}\n${lines.join('\n')}\nCOMMIT\n`)
    .join('');
}

/** Reads a save that must be complete. */
export function rulesetOf(text: string, source = 'iptables-nft-save', family: 'IPv4' | 'IPv6' = 'IPv4'): Ruleset {
  const parsed = parseSave(text, { family, backend: 'nft', source });
  if (parsed.status !== 'complete') throw new Error(parsed.reason);
  return parsed.ruleset;
}

/** A file of a recorded cluster. */
export function recording(cluster: string, node: string, file: string): Ruleset {
  const url = new URL(`../fixtures/recordings/${cluster}/nodes/${node}/${file}`, import.meta.url);
  return rulesetOf(readFileSync(url, 'utf8'), file, file.startsWith('ip6') ? 'IPv6' : 'IPv4');
}

export interface Probe extends Partial<WalkOptions> {
  readonly packet?: Partial<Packet>;
  readonly node?: NodeContext;
}

/** Walks a packet through tables given as text. */
export function walkTables(tables: Readonly<Record<string, readonly string[]>>, probe: Probe = {}): WalkResult {
  const { packet, node, ...options } = probe;
  return walk([rulesetOf(saveOf(tables))], packetOf(packet), node ?? nodeAt('10.0.0.5'), {
    origin: 'forwarded',
    ...options,
  });
}

/** One line per outcome: share, fate, where to, what was done to the source. */
export function told({ outcomes }: WalkResult): readonly string[] {
  return outcomes.map((outcome) => {
    const { share, disposition, destination, destinationPort, masqueraded, snatTo, undetermined } = outcome;
    const source = masqueraded ? ' masqueraded' : snatTo === null ? '' : ` from ${snatTo}`;
    const open = undetermined.length === 0 ? '' : ` (${undetermined.join('; ')})`;
    return `${share.toFixed(4)} ${disposition} ${destination}:${destinationPort}${source}${open}`;
  });
}

/** Lines by table, for {@link saveOf}. */
export type Tables = Readonly<Record<string, readonly string[]>>;

/** Table nat with these rules; the chains they stand in are declared. */
export function nat(...lines: readonly string[]): Tables {
  const chains = new Set(lines.map((line) => line.split(' ')[1] ?? ''));
  const base = ['PREROUTING', 'INPUT', 'OUTPUT', 'POSTROUTING'];
  const own = [...chains].filter((chain) => !base.includes(chain));
  return { nat: [...base.map((name) => `:${name} ACCEPT [0:0]`), ...own.map((name) => `:${name} - [0:0]`), ...lines] };
}

/** Table filter, in the same way. */
export function filter(...lines: readonly string[]): Tables {
  const own = [...new Set(lines.map((line) => line.split(' ')[1] ?? ''))];
  const base = ['INPUT', 'FORWARD', 'OUTPUT'];
  const others = own.filter((chain) => !base.includes(chain));
  return {
    filter: [...base.map((name) => `:${name} ACCEPT [0:0]`), ...others.map((name) => `:${name} - [0:0]`), ...lines],
  };
}

/** The article's Service as kube-proxy writes it: three endpoints, masquerading by mark. */
const SEP = (name: string, ip: string): readonly string[] => [
  `-A ${name} -s ${ip}/32 -j MASQ`,
  `-A ${name} -p tcp -m tcp -j DNAT --to-destination ${ip}:9376`,
];
export const MASQ = [
  '-A POSTROUTING -j POST',
  '-A MASQ -j MARK --set-xmark 0x4000/0x4000',
  '-A POST -m mark ! --mark 0x4000/0x4000 -j RETURN',
  '-A POST -j MARK --set-xmark 0x4000/0x0',
  '-A POST -j MASQUERADE --random-fully',
];
export const BALANCE = [
  '-A PREROUTING -d 10.96.0.20/32 -p tcp -m tcp --dport 80 -j SVC',
  '-A OUTPUT -d 10.96.0.20/32 -p tcp -m tcp --dport 80 -j SVC',
  '-A SVC -m statistic --mode random --probability 0.33333333349 -j SEP1',
  '-A SVC -m statistic --mode random --probability 0.50000000000 -j SEP2',
  '-A SVC -j SEP3',
];
export const SEPS = [...SEP('SEP1', '10.168.0.10'), ...SEP('SEP2', '10.168.1.12'), ...SEP('SEP3', '10.168.2.21')];
