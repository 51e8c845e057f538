import type { MatchAnswer, PacketView } from './match-answer.ts';
import { answered } from './match-answer.ts';
import type { Tristate } from './packet.ts';
import { known, unknown } from './packet.ts';
import type { Match, PortRange } from './rules.ts';

/** `--sport`, `--dport`: one port against ranges. A port of null is some ephemeral port. */
export function matchPort(ranges: readonly PortRange[], port: number | null, negated: boolean): MatchAnswer {
  return answered(portIn(ranges, port), negated, `source port in ${printRanges(ranges)}`);
}

/** `-m multiport`. `--ports` holds when either port is in the list. */
export function matchMultiport(match: Extract<Match, { kind: 'multiport' }>, view: PacketView): MatchAnswer {
  switch (match.side) {
    case 'source':
      return matchPort(match.ranges, view.sourcePort, match.negated);
    case 'destination':
      return matchPort(match.ranges, view.destinationPort, match.negated);
    case 'either': {
      const byDestination = portIn(match.ranges, view.destinationPort).is === 'yes';
      return byDestination
        ? matchPort(match.ranges, view.destinationPort, match.negated)
        : matchPort(match.ranges, view.sourcePort, match.negated);
    }
  }
}

const ALL_PORTS = 65_535;

function portIn(ranges: readonly PortRange[], port: number | null): Tristate {
  if (port !== null) return known(ranges.some(({ from, to }) => from <= port && port <= to));
  if (ranges.some(({ from, to }) => from <= 1 && to === ALL_PORTS)) return known(true);
  return unknown(`whether the source port is in ${printRanges(ranges)} is not known`);
}

function printRanges(ranges: readonly PortRange[]): string {
  return ranges.map(({ from, to }) => (from === to ? `${from}` : `${from}:${to}`)).join(',');
}
