import { printMarkAndMask } from './print-module.ts';
import type { Target } from './rules.ts';

/** `-j …` or `-g …`; empty for a rule that only counts. */
export function printTarget(target: Target): string {
  switch (target.kind) {
    case 'none':
      return '';
    case 'accept':
      return '-j ACCEPT';
    case 'drop':
      return '-j DROP';
    case 'return':
      return '-j RETURN';
    case 'reject':
      return target.with === null ? '-j REJECT' : `-j REJECT --reject-with ${target.with}`;
    case 'jump':
      return `-j ${target.chain}`;
    case 'goto':
      return `-g ${target.chain}`;
    case 'dnat':
      return withOption('-j DNAT', '--to-destination', target.to, target.flags);
    case 'snat':
      return withOption('-j SNAT', '--to-source', target.to, target.flags);
    case 'masquerade':
      return withOption('-j MASQUERADE', '--to-ports', target.toPorts, target.flags);
    case 'mark':
      return `-j MARK --set-xmark ${printMarkAndMask(target.value, target.mask)}`;
    case 'connmark-set':
      return `-j CONNMARK --set-xmark ${printMarkAndMask(target.value, target.mask)}`;
    case 'connmark':
      return withWords('-j CONNMARK', target.options);
    case 'continue':
    case 'opaque':
      return withWords(`-j ${target.name}`, target.options);
    case 'unrecognised':
      return `-j ${target.text}`;
  }
}

function withOption(name: string, option: string, value: string | null, flags: readonly string[]): string {
  return withWords(value === null ? name : `${name} ${option} ${value}`, flags);
}

function withWords(text: string, words: readonly string[]): string {
  return words.length === 0 ? text : `${text} ${words.join(' ')}`;
}
