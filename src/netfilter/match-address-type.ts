import type { Ip } from '../model/address.ts';
import { cidrContains, familyOf, parseCidr } from '../model/address.ts';
import type { MatchAnswer, PacketView } from './match-answer.ts';
import { answered } from './match-answer.ts';
import type { NodeContext, Tristate } from './packet.ts';
import { isLoopback, known, negate, unknown } from './packet.ts';
import type { Match } from './rules.ts';

type AddressType = Extract<Match, { kind: 'address-type' }>;

/**
 * `-m addrtype`. IPv4 (inet_addr_type): the kernel looks the address up in the `local` table alone, so every address is
 * exactly one of LOCAL, BROADCAST, MULTICAST, UNICAST, and an address of the node is not UNICAST. IPv6 (match_type6)
 * tests each listed type for itself: an address of the node is UNICAST too.
 */
export function matchAddressType(match: AddressType, view: PacketView): MatchAnswer {
  const ip = match.side === 'source' ? view.source : view.destination;
  const question = `type of ${match.side} ${ip ?? '?'}: ${match.types.join(',')} ${match.limit ?? ''}`;
  if (ip === null) return answered(known(match.types.includes('LOCAL')), match.negated, question);
  const answer = familyOf(ip) === 'IPv4' ? anyType(match, ip, view.context) : everyType(match, ip, view.context);
  return answered(answer, match.negated, isLocalAlone(match) ? localQuestion(ip) : question);
}

/** The question whether an address is the node's: one answer for all rules and for routing. */
export function localQuestion(ip: Ip): string {
  return `local ${ip}`;
}

function isLocalAlone(match: AddressType): boolean {
  return match.types.length === 1 && match.types[0] === 'LOCAL' && match.limit === null;
}

function anyType(match: AddressType, ip: Ip, context: NodeContext): Tristate {
  const answers = match.types.map((type) => typeOfIpv4(type, ip, match, context));
  return answers.find(({ is }) => is === 'yes') ?? answers.find(({ is }) => is === 'unknown') ?? known(false);
}

function everyType(match: AddressType, ip: Ip, context: NodeContext): Tristate {
  const answers = match.types.map((type) => typeOfIpv6(type, ip, match, context));
  return answers.find(({ is }) => is === 'no') ?? answers.find(({ is }) => is === 'unknown') ?? known(true);
}

const ZERO_NET = parseCidr('0.0.0.0/8');
const MULTICAST_IPV4 = parseCidr('224.0.0.0/4');
const MULTICAST_IPV6 = parseCidr('ff00::/8');

function isMulticast(ip: Ip): boolean {
  const range = familyOf(ip) === 'IPv4' ? MULTICAST_IPV4 : MULTICAST_IPV6;
  return range !== null && cidrContains(range, ip);
}

function typeOfIpv4(type: string, ip: Ip, match: AddressType, context: NodeContext): Tristate {
  const broadcast = isBroadcast(ip, context);
  switch (type) {
    case 'LOCAL':
      return broadcast.is === 'yes' || isMulticast(ip) ? known(false) : isLocal(ip, match, context);
    case 'BROADCAST':
      return broadcast;
    case 'MULTICAST':
      return known(isMulticast(ip));
    case 'UNICAST':
      return noneOf([known(isMulticast(ip)), broadcast, isLocal(ip, match, context)]);
    default:
      return unknown(`whether ${ip} is of type ${type} is not in the rules`);
  }
}

function typeOfIpv6(type: string, ip: Ip, match: AddressType, context: NodeContext): Tristate {
  switch (type) {
    case 'LOCAL':
      return isMulticast(ip) ? known(false) : isLocal(ip, match, context);
    case 'MULTICAST':
      return known(isMulticast(ip));
    case 'UNICAST':
      return known(!isMulticast(ip) && ip !== '::');
    case 'UNSPEC':
      return known(ip === '::');
    default:
      return unknown(`whether ${ip} is of type ${type} is not in the rules`);
  }
}

/** With `--limit-iface-*` an address of the node counts only when it is on that very interface. */
function isLocal(ip: Ip, match: AddressType, context: NodeContext): Tristate {
  const local = context.isLocal(ip);
  if (match.limit === null || local.is === 'no') return local;
  return unknown(`which interface of the node has ${ip} is not known`);
}

/**
 * 255.255.255.255 and 0.0.0.0/8 always. The broadcast address of an attached network ends in ones (older kernels add
 * the one that ends in zeros), and which networks are attached is not in the rules.
 */
function isBroadcast(ip: Ip, context: NodeContext): Tristate {
  if (ip === '255.255.255.255' || (ZERO_NET !== null && cidrContains(ZERO_NET, ip))) return known(true);
  if (isLoopback(ip) || isMulticast(ip) || context.isLocal(ip).is === 'yes') return known(false);
  const lastBits = Number(ip.slice(ip.lastIndexOf('.') + 1)) % 4;
  if (lastBits === 1 || lastBits === 2) return known(false);
  return unknown(`whether ${ip} is the broadcast address of an attached network is not known`);
}

function noneOf(answers: readonly Tristate[]): Tristate {
  const answer = answers.find(({ is }) => is === 'yes') ?? answers.find(({ is }) => is === 'unknown');
  return negate(answer ?? known(false));
}
