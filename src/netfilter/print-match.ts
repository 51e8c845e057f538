import { printCidr } from '../model/address.ts';
import { printAddressTypes, printMark, printPhysdev, printRanges, printRange, printRecent } from './print-module.ts';
import { quote } from './print-quote.ts';
import type { Match } from './rules.ts';
import { isHeader } from './save-header.ts';

/** One match as iptables-save prints it when it stands alone: `-m tcp --dport 80`, `! -s 10.0.0.0/8`. */
export function printMatch(match: Match): string {
  const module = moduleOf(match);
  return module === null ? printOptions(match) : joinWords(`-m ${module}`, printOptions(match));
}

/**
 * Matches of one rule, `from` to before `to`. Options of the same module that iptables prints behind one `-m` are put
 * together again, e.g. `-m tcp --sport 1 --dport 2`.
 */
export function printMatches(matches: readonly Match[], from: number, to: number): string {
  let text = '';
  let previous: Match | null = null;
  for (let index = from; index < to; index++) {
    const match = matches[index];
    if (match === undefined) break;
    const joined = previous !== null && sharesModule(previous, match);
    text += ` ${joined ? printOptions(match) : printMatch(match)}`;
    previous = match;
  }
  return text;
}

function joinWords(left: string, right: string): string {
  return right === '' ? left : `${left} ${right}`;
}

/** The name behind `-m`; null for what is printed without one. */
function moduleOf(match: Match): string | null {
  switch (match.kind) {
    case 'source':
    case 'destination':
    case 'protocol':
    case 'in-interface':
    case 'out-interface':
    case 'unrecognised':
      return null;
    case 'protocol-module':
    case 'source-port':
    case 'destination-port':
    case 'conntrack-state':
      return match.module;
    case 'address-type':
      return 'addrtype';
    case 'statistic-random':
    case 'statistic-nth':
      return 'statistic';
    case 'multiport':
    case 'mark':
    case 'connmark':
    case 'recent':
    case 'nfacct':
    case 'set':
    case 'physdev':
      return match.kind;
    case 'opaque':
      return isHeader(match) ? null : match.module;
  }
}

/** Rank of an option inside its module; options of one `-m` are printed in rising rank. */
function rankInModule(match: Match): number {
  switch (match.kind) {
    case 'source-port':
    case 'conntrack-state':
      return 1;
    case 'destination-port':
      return 2;
    case 'opaque':
      return match.options.length === 0 ? 0 : 3;
    case 'address-type':
      if (match.limit !== null) return 0;
      return match.side === 'source' ? 1 : 2;
    case 'source':
    case 'destination':
    case 'protocol':
    case 'in-interface':
    case 'out-interface':
    case 'unrecognised':
    case 'protocol-module':
    case 'statistic-random':
    case 'statistic-nth':
    case 'multiport':
    case 'mark':
    case 'connmark':
    case 'recent':
    case 'nfacct':
    case 'set':
    case 'physdev':
      return 0;
  }
}

function sharesModule(left: Match, right: Match): boolean {
  const rank = rankInModule(left);
  return rank > 0 && rankInModule(right) > rank && moduleOf(left) === moduleOf(right);
}

function not(negated: boolean): string {
  return negated ? '! ' : '';
}

/** What stands behind `-m MODULE`, or all of a match that has no module. */
function printOptions(match: Match): string {
  switch (match.kind) {
    case 'source':
      return `${not(match.negated)}-s ${printCidr(match.cidr)}`;
    case 'destination':
      return `${not(match.negated)}-d ${printCidr(match.cidr)}`;
    case 'protocol':
      return `${not(match.negated)}-p ${match.protocol}`;
    case 'in-interface':
      return `${not(match.negated)}-i ${match.name}`;
    case 'out-interface':
      return `${not(match.negated)}-o ${match.name}`;
    case 'protocol-module':
      return '';
    case 'source-port':
      return `${not(match.negated)}--sport ${printRange(match.range)}`;
    case 'destination-port':
      return `${not(match.negated)}--dport ${printRange(match.range)}`;
    case 'multiport':
      return `${not(match.negated)}--${MULTIPORT_OPTION[match.side]} ${printRanges(match.ranges)}`;
    case 'address-type':
      return printAddressTypes(match.side, match.negated, match.types, match.limit);
    case 'mark':
    case 'connmark':
      return `${not(match.negated)}--mark ${printMark(match.value, match.mask)}`;
    case 'conntrack-state':
      return `${not(match.negated)}--${match.module === 'state' ? 'state' : 'ctstate'} ${match.states.join(',')}`;
    case 'statistic-random':
      return `--mode random ${not(match.negated)}--probability ${match.probability}`;
    case 'statistic-nth':
      return `--mode nth ${not(match.negated)}--every ${match.every} --packet ${match.packet}`;
    case 'recent':
      return printRecent(match);
    case 'nfacct':
      // Two blanks, as every version prints it.
      return `--nfacct-name  ${quote(match.name)}`;
    case 'set':
      return [`${not(match.negated)}--match-set ${match.name} ${match.directions}`, ...match.rest].join(' ');
    case 'physdev':
      return printPhysdev(match.options);
    case 'opaque':
      return match.options.join(' ');
    case 'unrecognised':
      return match.text;
  }
}

const MULTIPORT_OPTION = { source: 'sports', destination: 'dports', either: 'ports' } as const;
