import type { MatchAnswer, PacketView } from './match-answer.ts';
import { answered, compared, DIFFERS } from './match-answer.ts';
import type { Tristate } from './packet.ts';
import { known, unknown } from './packet.ts';
import type { Match } from './rules.ts';

/**
 * `-m conntrack --ctstate`, `-m state`: holds when any of the listed states is the packet's. In table raw a packet has
 * no connection yet and counts as INVALID (conntrack_mt). SNAT and DNAT are the bits of a changed address or port.
 */
export function matchConntrackState(match: Extract<Match, { kind: 'conntrack-state' }>, view: PacketView): MatchAnswer {
  const answers = match.states.map((state) => inState(state.toUpperCase(), view));
  const open = answers.find(({ is }) => is === 'unknown');
  const answer = answers.some(({ is }) => is === 'yes') ? known(true) : (open ?? known(false));
  return answered(answer, match.negated, `connection state ${match.states.join(',')}`);
}

function inState(state: string, view: PacketView): Tristate {
  switch (state) {
    case 'NEW':
      return known(view.tracking === 'new');
    case 'INVALID':
      return known(view.tracking === 'none');
    case 'UNTRACKED':
      return known(view.tracking === 'untracked');
    case 'ESTABLISHED':
    case 'RELATED':
      return known(false);
    case 'DNAT':
      return known(view.destinationChanged);
    case 'SNAT':
      return view.sourceChanged;
    default:
      return unknown(`the connection state ${state} is not known`);
  }
}

/** `-m connmark`: without a connection it does not hold, negated or not (connmark_mt). */
export function matchConnmark(match: Extract<Match, { kind: 'mark' | 'connmark' }>, view: PacketView): MatchAnswer {
  if (view.tracking !== 'new') return DIFFERS;
  return compared((view.connmark & match.mask) >>> 0 === match.value >>> 0, match.negated);
}
