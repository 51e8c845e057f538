import type { Match } from './rules.ts';

/** Stands as module of an opaque match for what iptables prints without `-m`: `-f`, masks with holes. */
export const HEADER_MODULE = 'ip';

/** True for what iptables prints before any `-m`. */
export function isHeader(match: Match): boolean {
  const { kind } = match;
  if (kind === 'source' || kind === 'destination' || kind === 'protocol') return true;
  if (kind === 'in-interface' || kind === 'out-interface') return true;
  return kind === 'opaque' && match.module === HEADER_MODULE;
}

/** How many matches at the front are header matches. */
export function headersOf(matches: readonly Match[]): number {
  let count = 0;
  for (const match of matches) {
    if (!isHeader(match)) break;
    count++;
  }
  return count;
}
