import type { MatchAnswer, PacketView } from './match-answer.ts';
import { compared, DIFFERS } from './match-answer.ts';

const ALL_FLAGS = ['FIN', 'SYN', 'RST', 'PSH', 'ACK', 'URG'];

/**
 * `-m tcp --tcp-flags MASK SET` for the first packet of a connection, whose one flag is SYN. Null for other options of
 * the module.
 */
export function matchTcpFlags(options: readonly string[], view: PacketView): MatchAnswer | null {
  const negated = options[0] === '!';
  const [option, mask, set, ...rest] = negated ? options.slice(1) : options;
  if (option !== '--tcp-flags' || mask === undefined || set === undefined || rest.length > 0) return null;
  if (view.packet.protocol !== 'tcp') return DIFFERS;
  const seen = flagsOf(mask).filter((flag) => flag === 'SYN');
  return compared(seen.join() === flagsOf(set).join(), negated);
}

function flagsOf(text: string): readonly string[] {
  const named = text.split(',');
  if (named.includes('ALL')) return ALL_FLAGS;
  return ALL_FLAGS.filter((flag) => named.includes(flag));
}
