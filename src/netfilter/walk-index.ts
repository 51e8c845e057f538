import { bitsOf, familyOf } from '../model/address.ts';
import type { LowerProtocol } from '../model/address.ts';
import type { Chain, Match, Rule } from './rules.ts';
import type { PacketState } from './walk-state.ts';

/**
 * Position of the next rule, at or after `from`, that a packet could match; the chain's length when there is none.
 * It may name rules that do not match, and never leaves out one that could.
 */
export type NextRule = (chain: Chain, from: number, state: PacketState, protocol: LowerProtocol) => number;

/** Looks at every rule. */
export const everyRule: NextRule = (_chain, from) => from;

/** Chains shorter than this are walked rule by rule. */
const WORTH_AN_INDEX = 16;

/**
 * Skips the rules for other destinations: KUBE-SERVICES has a rule for every port of every Service, and a packet is for
 * one of them. The index of a chain is made when it is first walked.
 */
export const candidateRule: NextRule = (chain, from, state, protocol) => {
  if (chain.rules.length < WORTH_AN_INDEX) return from;
  const index = indexOf(chain);
  let next = Math.min(chain.rules.length, firstFrom(index.others, from));
  for (const key of keysOf(state, protocol)) {
    const positions = index.byKey.get(key);
    if (positions !== undefined) next = Math.min(next, firstFrom(positions, from));
  }
  return next;
};

interface ChainIndex {
  readonly byKey: ReadonlyMap<string, readonly number[]>;
  /** Rules that could match whatever the destination is. */
  readonly others: readonly number[];
}

const indexes = new WeakMap<Chain, ChainIndex>();

function indexOf(chain: Chain): ChainIndex {
  const there = indexes.get(chain);
  if (there !== undefined) return there;
  const made = makeIndex(chain.rules);
  indexes.set(chain, made);
  return made;
}

function makeIndex(rules: readonly Rule[]): ChainIndex {
  const byKey = new Map<string, number[]>();
  const others: number[] = [];
  for (const [position, rule] of rules.entries()) {
    const key = keyOf(rule.matches);
    const list = key === null ? others : (byKey.get(key) ?? []);
    list.push(position);
    if (key !== null) byKey.set(key, list);
  }
  return { byKey, others };
}

/** First number of an ascending list that is at least `from`; infinite when there is none. */
function firstFrom(positions: readonly number[], from: number): number {
  let low = 0;
  let high = positions.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((positions[middle] ?? Infinity) < from) low = middle + 1;
    else high = middle;
  }
  return positions[low] ?? Infinity;
}

/** The keys under which rules for this packet stand; see {@link keyOf}. */
function keysOf({ destination, destinationPort }: PacketState, protocol: string): readonly string[] {
  return [
    printKey(destination, protocol, destinationPort),
    printKey(destination, null, null),
    printKey(null, protocol, destinationPort),
  ];
}

/** What a rule asks of the destination, as a key; null when it asks for no single address and no single port. */
function keyOf(matches: readonly Match[]): string | null {
  const address = matches.map(hostOf).find((host) => host !== null) ?? null;
  const protocol = matches.map(protocolOf).find((name) => name !== null) ?? null;
  const port = hasEffectBeforePort(matches) ? null : (matches.map(portOf).find((port) => port !== null) ?? null);
  if (protocol !== null && port !== null) return printKey(address, protocol, port);
  return address === null ? null : printKey(address, null, null);
}

function printKey(address: string | null, protocol: string | null, port: number | null): string {
  return `${address ?? ''} ${protocol ?? ''} ${port ?? ''}`;
}

/** `-m recent` changes its list even when the port, looked at later, is another one. Addresses are looked at first. */
function hasEffectBeforePort(matches: readonly Match[]): boolean {
  return matches.some(({ kind }) => kind === 'recent');
}

function hostOf(match: Match): string | null {
  if (match.kind !== 'destination' || match.negated) return null;
  return match.cidr.prefix === bitsOf(familyOf(match.cidr.base)) ? match.cidr.base : null;
}

function protocolOf(match: Match): string | null {
  if (match.kind !== 'protocol' || match.negated) return null;
  return PROTOCOLS.has(match.protocol) ? match.protocol : null;
}

const PROTOCOLS: ReadonlySet<string> = new Set(['tcp', 'udp', 'sctp']);

function portOf(match: Match): number | null {
  if (match.kind !== 'destination-port' || match.negated || match.range.from !== match.range.to) return null;
  return match.range.from;
}
