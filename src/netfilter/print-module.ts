import type { Match, PortRange } from './rules.ts';

/** `80` or `30000:32767`. */
export function printRange(range: PortRange): string {
  return range.from === range.to ? `${range.from}` : `${range.from}:${range.to}`;
}

export function printRanges(ranges: readonly PortRange[]): string {
  return ranges.map(printRange).join(',');
}

/** `0x4000/0x4000`; a mask of all ones is not printed. */
export function printMark(value: number, mask: number): string {
  return mask === 0xffff_ffff ? `0x${value.toString(16)}` : printMarkAndMask(value, mask);
}

/** As targets print it: always with the mask. */
export function printMarkAndMask(value: number, mask: number): string {
  return `0x${value.toString(16)}/0x${mask.toString(16)}`;
}

export function printAddressTypes(
  side: 'source' | 'destination',
  negated: boolean,
  types: readonly string[],
  limit: 'in' | 'out' | null,
): string {
  const option = side === 'source' ? '--src-type' : '--dst-type';
  const text = `${negated ? '! ' : ''}${option} ${types.join(',')}`;
  return limit === null ? text : `${text} --limit-iface-${limit}`;
}

export function printPhysdev(options: readonly string[]): string {
  return options.join(' ');
}

/** Options in the order of 1.8.9. */
export function printRecent(match: Extract<Match, { readonly kind: 'recent' }>): string {
  let text = `${match.negated ? '! ' : ''}--${match.action}`;
  if (match.seconds !== null) text += ` --seconds ${match.seconds}`;
  if (match.reap) text += ' --reap';
  if (match.hitcount !== null) text += ` --hitcount ${match.hitcount}`;
  if (match.ttl) text += ' --rttl';
  return `${text} --name ${match.name} --mask ${match.mask} --${match.side}`;
}
