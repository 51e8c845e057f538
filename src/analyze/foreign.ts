import type { PortView } from '../checks/world.ts';
import { cidrContains, printCidr, type Cidr, type Ip } from '../model/address.ts';
import type { Match, Rule, Ruleset } from '../netfilter/rules.ts';
import { leadsToProxy } from './proxy-rules.ts';
import { shapeOf } from './shapes.ts';

/**
 * What the rules of other software tell Service ports apart by. Two ports of the same shape that stand on the same side
 * of all of it are treated alike, so that one of them is walked for both: ten thousand Services, some dozen walks.
 */
interface ForeignTerms {
  readonly hosts: ReadonlySet<Ip>;
  readonly ranges: readonly Cidr[];
  readonly ports: readonly (readonly [number, number])[];
}

const known = new WeakMap<Ruleset, ForeignTerms>();

function termsOf(ruleset: Ruleset): ForeignTerms {
  const there = known.get(ruleset);
  if (there !== undefined) return there;
  const hosts = new Set<Ip>();
  const ranges = new Map<string, Cidr>();
  const ports = new Map<string, readonly [number, number]>();
  for (const rule of foreignRules(ruleset)) {
    for (const match of rule.matches) {
      if (match.kind === 'source' || match.kind === 'destination') noteAddress(match.cidr, hosts, ranges);
      for (const [from, to] of portsOf(match)) ports.set(`${from} ${to}`, [from, to]);
    }
  }
  const made = { hosts, ranges: [...ranges.values()], ports: [...ports.values()] };
  known.set(ruleset, made);
  return made;
}

function noteAddress(cidr: Cidr, hosts: Set<Ip>, ranges: Map<string, Cidr>): void {
  if (cidr.prefix === (cidr.base.includes(':') ? 128 : 32)) hosts.add(cidr.base);
  else if (cidr.prefix > 0) ranges.set(printCidr(cidr), cidr);
}

function portsOf(match: Match): readonly (readonly [number, number])[] {
  switch (match.kind) {
    case 'source-port':
    case 'destination-port':
      return [[match.range.from, match.range.to]];
    case 'multiport':
      return match.ranges.map(({ from, to }) => [from, to] as const);
    default:
      return [];
  }
}

/** All but kube-proxy's: a rule of another chain, or one in a built-in chain that does not lead to kube-proxy's. */
function* foreignRules(ruleset: Ruleset): Generator<Rule> {
  for (const table of ruleset.tables.values()) {
    for (const chain of table.chains.values()) {
      if (chain.name.startsWith('KUBE-')) continue;
      for (const rule of chain.rules) if (!leadsToProxy(rule)) yield rule;
    }
  }
}

/** Equal for ports that rules of other software cannot tell apart; null: a rule names one of its addresses or ports. */
export function alikeKey(view: PortView): string | null {
  const { hosts, ranges, ports } = termsOf(view.on.index.ruleset);
  const { port, expected } = view;
  const vips = [port.clusterIP, ...port.externalIPs, ...port.loadBalancerIngress.map(({ ip }) => ip)];
  const ips = [...vips, ...expected.endpoints.reachable.map(({ ip }) => ip)];
  if (ips.some((ip) => hosts.has(ip))) return null;
  const numbers = new Set([port.port, port.nodePort, ...expected.endpoints.reachable.map((endpoint) => endpoint.port)]);
  const sides = [
    ...ranges.map((range) => sideOf(ips, range)),
    ...ports.map(([from, to]) => [...numbers].some((number) => number >= from && number <= to)),
  ];
  return `${shapeOf(view)} ${sides.map(Number).join('')}`;
}

/** 0: none of them is in the range, 1: some are, 2: all are. */
function sideOf(ips: readonly Ip[], range: Cidr): number {
  const inside = ips.filter((ip) => cidrContains(range, ip)).length;
  return inside === 0 ? 0 : inside === ips.length ? 2 : 1;
}
