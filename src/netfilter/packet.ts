import type { Family, Ip, LowerProtocol } from '../model/address.ts';
import { cidrContains, familyOf, parseCidr } from '../model/address.ts';

/** The only truth value of the walk: a guess is never a yes or a no. */
export type Tristate =
  { readonly is: 'yes' } | { readonly is: 'no' } | { readonly is: 'unknown'; readonly because: string };

export const YES: Tristate = { is: 'yes' };
export const NO: Tristate = { is: 'no' };

/** An answer that could not be had; `because` names what is missing. */
export function unknown(because: string): Tristate {
  return { is: 'unknown', because };
}

/** `yes` for true, `no` for false. */
export function known(value: boolean): Tristate {
  return value ? YES : NO;
}

/** Opposite answer; what is unknown stays unknown. */
export function negate(answer: Tristate): Tristate {
  switch (answer.is) {
    case 'yes':
      return NO;
    case 'no':
      return YES;
    case 'unknown':
      return answer;
  }
}

/** The first packet of a connection, as it is before any rule has seen it. */
export interface Packet {
  readonly family: Family;
  readonly protocol: LowerProtocol;
  readonly source: Ip;
  /** null: some ephemeral port. */
  readonly sourcePort: number | null;
  readonly destination: Ip;
  readonly destinationPort: number;
  /** Where it came in; null when that is not known. Not looked at for a packet the node makes itself. */
  readonly inInterface: string | null;
  /** Where the route to `destination` leads; null when that is not known. */
  readonly outInterface: string | null;
  /** Unsigned, 32 bits. */
  readonly mark: number;
  readonly state: 'NEW';
}

/** What has to be known about a node besides its rules. */
export interface NodeContext {
  /** Whether the kernel's `local` routing table holds the address. */
  isLocal(ip: Ip): Tristate;
  /** Interface towards an address, for packets that a rule gave another destination; null or absent: not known. */
  readonly interfaceTowards?: (destination: Ip) => string | null;
  /** Where REDIRECT in PREROUTING sends a packet: first address of the interface it came in on; null: not known. */
  readonly redirectAddress?: (inInterface: string | null) => Ip | null;
}

/** Addresses of a node as somebody has listed them. */
export interface LocalAddresses {
  readonly localAddresses: ReadonlySet<Ip>;
  /** False: an address outside the list may be the node's all the same. */
  readonly complete: boolean;
}

const LOOPBACK_IPV4 = parseCidr('127.0.0.0/8');

/** True for addresses that every Linux node has: 127.0.0.0/8 and ::1. */
export function isLoopback(ip: Ip): boolean {
  return LOOPBACK_IPV4 !== null && familyOf(ip) === 'IPv4' ? cidrContains(LOOPBACK_IPV4, ip) : ip === '::1';
}

/** A node of which only the addresses are known. */
export function nodeWithAddresses({ localAddresses, complete }: LocalAddresses): NodeContext {
  return {
    isLocal(ip) {
      if (localAddresses.has(ip) || isLoopback(ip)) return YES;
      return complete ? NO : unknown(`whether ${ip} is an address of the node is not known`);
    },
  };
}
