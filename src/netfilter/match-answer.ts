import type { Ip } from '../model/address.ts';
import type { NodeContext, Packet, Tristate } from './packet.ts';

/**
 * What one match says about one packet. `chance`: the kernel throws a dice (or counts packets: `periodic`).
 * `unknown` names its question, so that the same question asked by two rules gets one answer within a walk:
 * the match holds when the answer to `question` is `holdsWhen`.
 */
export type MatchAnswer =
  | { readonly is: 'yes' }
  | { readonly is: 'no' }
  | { readonly is: 'chance'; readonly probability: number; readonly periodic: boolean }
  | { readonly is: 'unknown'; readonly question: string; readonly because: string; readonly holdsWhen: boolean };

/** What a rule can see of a packet where it stands. */
export interface PacketView {
  readonly packet: Packet;
  readonly context: NodeContext;
  readonly affinity: Affinity;
  /** Lists of `-m recent` that have the client's address from an earlier connection, and for how many seconds. */
  readonly remembered: ReadonlyMap<string, number>;
  /** null: rewritten to an address of the node that is not known (MASQUERADE). */
  readonly source: Ip | null;
  readonly sourcePort: number | null;
  readonly destination: Ip;
  readonly destinationPort: number;
  readonly mark: number;
  readonly connmark: number;
  /** Names it may have; '' stands for none, as the hook may have it; null: nothing is known. */
  readonly inInterfaces: readonly string[] | null;
  readonly outInterfaces: readonly string[] | null;
  /** `none`: before connection tracking (table raw). `untracked`: NOTRACK. */
  readonly tracking: 'none' | 'untracked' | 'new';
  /** Whether NAT has really changed the destination or the source: conntrack's DNAT and SNAT bits. */
  readonly destinationChanged: boolean;
  readonly sourceChanged: Tristate;
  /** Entries that `-m recent --set` made for this packet. */
  readonly recent: ReadonlySet<string>;
  /** Names save, hook and table, for questions that belong to one rule alone. */
  readonly place: string;
}

/** Where a rule stands in its table. */
export interface RulePlace {
  readonly chain: string;
  readonly position: number;
}

/** `first-connection`: no `-m recent` list knows the client yet. */
export type Affinity = 'first-connection' | 'unknown';

export const MATCHES: MatchAnswer = { is: 'yes' };
export const DIFFERS: MatchAnswer = { is: 'no' };

/** Yes or no from a comparison that could be made, turned around for `!`. */
export function compared(equal: boolean, negated: boolean): MatchAnswer {
  return equal === negated ? DIFFERS : MATCHES;
}

/** The answer of a comparison that may not have been possible. */
export function answered(answer: Tristate, negated: boolean, question: string): MatchAnswer {
  switch (answer.is) {
    case 'yes':
      return compared(true, negated);
    case 'no':
      return compared(false, negated);
    case 'unknown':
      return { is: 'unknown', question, because: answer.because, holdsWhen: !negated };
  }
}

/** True with this probability; `!` turns it around. 0 and 1 are no chances. */
export function byChance(probability: number, negated: boolean, periodic: boolean): MatchAnswer {
  const chance = negated ? 1 - probability : probability;
  if (chance <= 0) return DIFFERS;
  return chance >= 1 ? MATCHES : { is: 'chance', probability: chance, periodic };
}
