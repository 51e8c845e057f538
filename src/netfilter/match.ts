import { cidrContains, printCidr } from '../model/address.ts';
import type { Cidr, Ip } from '../model/address.ts';
import type { MatchAnswer, PacketView, RulePlace } from './match-answer.ts';
import { answered, byChance, compared, MATCHES } from './match-answer.ts';
import { matchAddressType } from './match-address-type.ts';
import { matchConnmark, matchConntrackState } from './match-conntrack.ts';
import { matchInterface } from './match-interface.ts';
import { matchMultiport, matchPort } from './match-port.ts';
import { matchRecent } from './match-recent.ts';
import { matchTcpFlags } from './match-tcp-flags.ts';
import { known, unknown } from './packet.ts';
import type { Match } from './rules.ts';

/**
 * Whether the kernel would say that one match of a rule holds for the packet as it stands. `place` is the rule's.
 */
export function matchPacket(match: Match, view: PacketView, place: RulePlace): MatchAnswer {
  switch (match.kind) {
    case 'source':
      return matchAddress(match.cidr, view.source, match.negated);
    case 'destination':
      return matchAddress(match.cidr, view.destination, match.negated);
    case 'protocol':
      return compared(namesProtocol(match.protocol, view.packet.protocol), match.negated);
    case 'in-interface':
      return matchInterface(match.name, view.inInterfaces, match.negated, 'in');
    case 'out-interface':
      return matchInterface(match.name, view.outInterfaces, match.negated, 'out');
    case 'source-port':
      return matchPort([match.range], view.sourcePort, match.negated);
    case 'destination-port':
      return matchPort([match.range], view.destinationPort, match.negated);
    case 'multiport':
      return matchMultiport(match, view);
    case 'address-type':
      return matchAddressType(match, view);
    case 'mark':
      return compared(masked(view.mark, match.mask) === match.value >>> 0, match.negated);
    case 'connmark':
      return matchConnmark(match, view);
    case 'conntrack-state':
      return matchConntrackState(match, view);
    case 'statistic-random':
      return matchRandom(match.probability, match.negated, view, place);
    case 'statistic-nth':
      return match.every >= 1 ? byChance(1 / match.every, match.negated, true) : notModelled('statistic', view, place);
    case 'recent':
      return matchRecent(match, view);
    // Both only stand in the line: the one loads a module, the other counts.
    case 'protocol-module':
    case 'nfacct':
      return MATCHES;
    case 'set':
      return matchSet(match, view);
    case 'physdev':
      return ofThisPacket('physdev', match.options.join(' '), false, view);
    case 'opaque':
      return matchOpaque(match, view, place);
    case 'unrecognised':
      return unreadable(match.text, view, place);
  }
}

function matchAddress(cidr: Cidr, ip: Ip | null, negated: boolean): MatchAnswer {
  if (ip !== null) return compared(cidrContains(cidr, ip), negated);
  const because = 'which address of the node the source was rewritten to is not known';
  return answered(cidr.prefix === 0 ? known(true) : unknown(because), negated, `source ${printCidr(cidr)}`);
}

/** Numbers of the protocols a packet of ours can have, and 0, which iptables takes for all. */
const PROTOCOL_NUMBERS: ReadonlyMap<string, string> = new Map([
  ['6', 'tcp'],
  ['17', 'udp'],
  ['132', 'sctp'],
  ['0', 'all'],
]);

function namesProtocol(text: string, protocol: string): boolean {
  const name = PROTOCOL_NUMBERS.get(text) ?? text.toLowerCase();
  return name === protocol || name === 'all';
}

function masked(mark: number, mask: number): number {
  return (mark & mask) >>> 0;
}

const DICE_SIDES = 2 ** 31;

/**
 * xt_statistic: holds when 31 random bits are below the number it keeps, a multiple of 2^-31. The eleven printed
 * digits give that number back exactly.
 */
export function keptProbability(text: string): number | null {
  const value = Number(text);
  if (text.trim() === '' || !(value >= 0 && value <= 1)) return null;
  return Math.round(value * DICE_SIDES) / DICE_SIDES;
}

function matchRandom(text: string, negated: boolean, view: PacketView, place: RulePlace): MatchAnswer {
  const probability = keptProbability(text);
  return probability === null ? notModelled('statistic', view, place) : byChance(probability, negated, false);
}

function matchSet(match: Extract<Match, { kind: 'set' }>, view: PacketView): MatchAnswer {
  const rest = match.rest.length === 0 ? '' : ` ${match.rest.join(' ')}`;
  return ofThisPacket('set', `--match-set ${match.name} ${match.directions}${rest}`, match.negated, view);
}

/** A question that any rule would get the same answer to while the packet stays as it is. */
function ofThisPacket(module: string, options: string, negated: boolean, view: PacketView): MatchAnswer {
  const packet = `${view.source ?? '?'} ${view.destination} ${view.destinationPort}`;
  return answered(
    unknown(`what "-m ${module} ${options}" answers is not in the rules`),
    negated,
    `${module} ${options} ${packet}`,
  );
}

function matchOpaque(match: Extract<Match, { kind: 'opaque' }>, view: PacketView, place: RulePlace): MatchAnswer {
  const byFlags = match.module === 'tcp' ? matchTcpFlags(match.options, view) : null;
  return byFlags ?? notModelled(match.module, view, place);
}

function notModelled(module: string, view: PacketView, place: RulePlace): MatchAnswer {
  return answered(
    unknown(`the match module ${module} is not modelled`),
    false,
    `${view.place} ${printPlace(place)} ${module}`,
  );
}

function unreadable(text: string, view: PacketView, place: RulePlace): MatchAnswer {
  return answered(unknown(`"${text}" was not understood`), false, `${view.place} ${printPlace(place)} ${text}`);
}

function printPlace({ chain, position }: RulePlace): string {
  return `${chain} ${position}`;
}
