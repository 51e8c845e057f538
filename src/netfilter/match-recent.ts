import { cidrOf, familyOf, parseIp, printCidr } from '../model/address.ts';
import type { Ip } from '../model/address.ts';
import ipaddr from 'ipaddr.js';
import type { MatchAnswer, PacketView } from './match-answer.ts';
import { answered, compared } from './match-answer.ts';
import { unknown } from './packet.ts';
import type { Match } from './rules.ts';

type Recent = Extract<Match, { kind: 'recent' }>;

/**
 * `-m recent` (recent_mt): `--set` always holds and enters the address; the others hold when the list has it. A first
 * connection finds only what an earlier rule has entered for the same packet, and that once: `--hitcount 2` fails.
 */
export function matchRecent(match: Recent, view: PacketView): MatchAnswer {
  if (match.action === 'set') return compared(true, match.negated);
  const entry = recentEntry(match, view);
  if (entry !== null && view.recent.has(entry)) return compared((match.hitcount ?? 1) <= 1, match.negated);
  const age = view.remembered.get(match.name);
  if (age !== undefined && match.side === 'rsource' && match.action !== 'remove') {
    return compared(age <= (match.seconds ?? Infinity) && (match.hitcount ?? 1) <= 1, match.negated);
  }
  if (entry !== null && view.affinity === 'first-connection') return compared(false, match.negated);
  const because = `whether the list ${match.name} of -m recent has this client is not known`;
  return answered(unknown(because), match.negated, `recent ${match.name} ${match.hitcount ?? 1} ${entry ?? '?'}`);
}

/** The list after this match was looked at: it changes even when a later match of the rule fails. */
export function recentAfter(match: Recent, view: PacketView): ReadonlySet<string> {
  const entry = recentEntry(match, view);
  if (entry === null || match.action === 'rcheck' || match.action === 'update') return view.recent;
  const changed = new Set(view.recent);
  if (match.action === 'set') changed.add(entry);
  else changed.delete(entry);
  return changed;
}

function recentEntry(match: Recent, view: PacketView): string | null {
  const ip = match.side === 'rsource' ? view.source : view.destination;
  return ip === null ? null : `${match.name} ${maskedBy(match.mask, ip)}`;
}

function maskedBy(mask: string, ip: Ip): string {
  const parsed = parseIp(mask);
  if (parsed === null || familyOf(parsed) !== familyOf(ip)) return ip;
  const prefix = ipaddr.parse(parsed).prefixLengthFromSubnetMask();
  return prefix === null ? ip : printCidr(cidrOf(ip, prefix));
}
