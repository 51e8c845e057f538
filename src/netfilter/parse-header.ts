import { bitsOf, cidrOf, familyOf, hostCidr, parseIp, type Cidr, type Family } from '../model/address.ts';
import { parseWhole } from './parse-options.ts';
import type { Match } from './rules.ts';
import { HEADER_MODULE } from './save-header.ts';

/** `-s` or `-d`. A mask with holes is valid and kept as opaque; null for what is no address of the family. */
export function parseAddress(option: '-s' | '-d', negated: boolean, text: string, family: Family): Match | null {
  const kind = option === '-s' ? 'source' : 'destination';
  const cidr = parseRange(text, family);
  if (cidr === null) return null;
  if (cidr !== 'not a prefix') return { kind, negated, cidr };
  return { kind: 'opaque', module: HEADER_MODULE, options: negated ? ['!', option, text] : [option, text] };
}

function parseRange(text: string, family: Family): Cidr | 'not a prefix' | null {
  const slash = text.indexOf('/');
  const ip = parseIp(slash < 0 ? text : text.slice(0, slash));
  if (ip === null) return null;
  if (familyOf(ip) !== family) return family === 'IPv6' && text.includes(':') ? 'not a prefix' : null;
  if (slash < 0) return hostCidr(ip);
  const prefix = parsePrefix(text.slice(slash + 1), family);
  if (typeof prefix !== 'number') return prefix;
  return prefix === bitsOf(family) ? { base: ip, prefix } : cidrOf(ip, prefix);
}

/** `24` or `255.255.255.0`. */
function parsePrefix(text: string, family: Family): number | 'not a prefix' | null {
  const number = parseWhole(text, bitsOf(family));
  if (number !== null) return number;
  const mask = parseIp(text);
  if (mask === null || familyOf(mask) !== family) return null;
  const bits = bitsOf(family);
  for (let prefix = bits; prefix >= 0; prefix--) {
    if (cidrOf(allOnes(family), prefix).base === mask) return prefix;
  }
  return 'not a prefix';
}

function allOnes(family: Family): Cidr['base'] {
  const ones = parseIp(family === 'IPv4' ? '255.255.255.255' : 'ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff');
  if (ones === null) throw new Error('unreachable: the address of all ones is an address');
  return ones;
}

/** `-p`, `-i`, `-o`. */
export function parseNamed(option: string, negated: boolean, value: string): Match | null {
  switch (option) {
    case '-p':
      return { kind: 'protocol', negated, protocol: value };
    case '-i':
      return { kind: 'in-interface', negated, name: value };
    case '-o':
      return { kind: 'out-interface', negated, name: value };
    default:
      return null;
  }
}

/** `-f`: second and further fragments. */
export function fragmentMatch(negated: boolean): Match {
  return { kind: 'opaque', module: HEADER_MODULE, options: negated ? ['!', '-f'] : ['-f'] };
}
