import ipaddr from 'ipaddr.js';

/** IP family, in the words of the Kubernetes API (`addressType`, `ipFamilies`). */
export type Family = 'IPv4' | 'IPv6';

export const FAMILIES: readonly Family[] = ['IPv4', 'IPv6'];

/** Layer 4 protocol of a Service port, in the words of the Kubernetes API. */
export type Protocol = 'TCP' | 'UDP' | 'SCTP';

/** Lower-case protocol as iptables prints it and as kube-proxy hashes it. */
export type LowerProtocol = 'tcp' | 'udp' | 'sctp';

declare const ipBrand: unique symbol;

/** An IP address in canonical text (IPv6: RFC 5952, compressed, lower case). Made by {@link parseIp} alone. */
export type Ip = string & { readonly [ipBrand]: true };

/** An address range. `base` has its host bits cleared, as iptables saves it. */
export interface Cidr {
  readonly base: Ip;
  readonly prefix: number;
}

const PLAIN_IPV4 = /^(?:(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)(?:\.(?!$)|$)){4}$/;

/**
 * Canonical form of an IP address, or null when the text is none. Leading zeros and shortened IPv4 forms are refused
 * as kube-proxy refuses them. An IPv4-mapped IPv6 address (`::ffff:10.0.0.1`) is the IPv4 address, as in Go's net package.
 */
export function parseIp(text: string): Ip | null {
  if (PLAIN_IPV4.test(text)) return text as Ip;
  if (!text.includes(':') || text.includes('%') || !ipaddr.IPv6.isValid(text)) return null;
  const address = ipaddr.IPv6.parse(text);
  return (address.isIPv4MappedAddress() ? address.toIPv4Address().toString() : address.toRFC5952String()) as Ip;
}

/** Family of a canonical address. */
export function familyOf(ip: Ip): Family {
  return ip.includes(':') ? 'IPv6' : 'IPv4';
}

/** Number of bits of an address of this family. */
export function bitsOf(family: Family): 32 | 128 {
  return family === 'IPv4' ? 32 : 128;
}

/** `ADDRESS/PREFIX` with host bits cleared, or null when the text is no CIDR. Blanks around it are not trimmed. */
export function parseCidr(text: string): Cidr | null {
  const slash = text.lastIndexOf('/');
  if (slash < 0) return null;
  const ip = parseIp(text.slice(0, slash));
  const prefixText = text.slice(slash + 1);
  if (ip === null || !/^(?:0|[1-9]\d{0,2})$/.test(prefixText)) return null;
  const prefix = Number(prefixText);
  return prefix > bitsOf(familyOf(ip)) ? null : cidrOf(ip, prefix);
}

/** The range of `prefix` bits that holds `ip`. */
export function cidrOf(ip: Ip, prefix: number): Cidr {
  const family = familyOf(ip);
  if (prefix === bitsOf(family)) return { base: ip, prefix };
  const bytes = ipaddr.parse(ip).toByteArray();
  const cleared = bytes.map((byte, index) => byte & maskOfByte(prefix - index * 8));
  const base = ipaddr.fromByteArray(cleared);
  return { base: (base instanceof ipaddr.IPv6 ? base.toRFC5952String() : base.toString()) as Ip, prefix };
}

function maskOfByte(bits: number): number {
  if (bits >= 8) return 0xff;
  return bits <= 0 ? 0 : (0xff << (8 - bits)) & 0xff;
}

/** The range that holds this one address. */
export function hostCidr(ip: Ip): Cidr {
  return { base: ip, prefix: bitsOf(familyOf(ip)) };
}

/** `ADDRESS/PREFIX`. */
export function printCidr(cidr: Cidr): string {
  return `${cidr.base}/${cidr.prefix}`;
}

/** True when the address is in the range; false for an address of the other family. */
export function cidrContains(cidr: Cidr, ip: Ip): boolean {
  if (familyOf(cidr.base) !== familyOf(ip)) return false;
  return cidrOf(ip, cidr.prefix).base === cidr.base;
}

/** `ip:port`, IPv6 as `[ip]:port`: kube-proxy's text for an endpoint, hashed into chain names and used for its order. */
export function printAddressPort(ip: Ip, port: number): string {
  return ip.includes(':') ? `[${ip}]:${port}` : `${ip}:${port}`;
}

/** Inverse of {@link printAddressPort}; null when the text is neither form or the port is outside 1–65535. */
export function parseAddressPort(text: string): { readonly ip: Ip; readonly port: number } | null {
  const match = /^(?:\[([^\]]+)\]|([^:[\]]+)):(\d{1,5})$/.exec(text);
  const ip = match === null ? null : parseIp(match[1] ?? match[2] ?? '');
  const port = Number(match?.[3]);
  return ip === null || port < 1 || port > 65_535 ? null : { ip, port };
}
