import { hash } from 'node:crypto';
import { printAddressPort, type Ip, type LowerProtocol, type Protocol } from '../model/address.ts';
import type { ServicePort } from '../model/service.ts';
import type { ChainName } from '../netfilter/rules.ts';

/** Names of the chains kube-proxy makes for Service ports and endpoints: a prefix and a hash, the same in every version. */

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';

/** Two base32 letters for ten bits, so that a name costs eight look-ups. */
const LETTERS: readonly string[] = Array.from(
  { length: 1024 },
  (_, bits) => `${ALPHABET[bits >> 5] ?? ''}${ALPHABET[bits & 31] ?? ''}`,
);

/** The first 16 letters of the base32 form of the SHA-256: its first 80 bits, 20 hexadecimal digits. */
function shortHash(text: string): string {
  const digits = hash('sha256', text, 'hex');
  let letters = '';
  for (let at = 0; at < 20; at += 5) {
    const bits = Number.parseInt(digits.slice(at, at + 5), 16);
    letters += `${LETTERS[bits >> 10] ?? ''}${LETTERS[bits & 1023] ?? ''}`;
  }
  return letters;
}

const LOWER: Readonly<Record<Protocol, LowerProtocol>> = { TCP: 'tcp', UDP: 'udp', SCTP: 'sctp' };

/** The protocol as iptables prints it and as kube-proxy hashes it. */
export function lowerProtocol(protocol: Protocol): LowerProtocol {
  return LOWER[protocol];
}

/** The 16 letters all chains of a Service port share. `name` is kube-proxy's own, see `expect-names.ts`. */
export function portHash(name: string, protocol: Protocol): string {
  return shortHash(`${name}${LOWER[protocol]}`);
}

/** The chains one Service port can have, existing or not. */
export interface PortChains {
  readonly svc: ChainName;
  readonly svl: ChainName;
  readonly ext: ChainName;
  readonly xlb: ChainName;
  readonly fw: ChainName;
}

export function portChains(name: string, protocol: Protocol): PortChains {
  const letters = portHash(name, protocol);
  return {
    svc: `KUBE-SVC-${letters}`,
    svl: `KUBE-SVL-${letters}`,
    ext: `KUBE-EXT-${letters}`,
    xlb: `KUBE-XLB-${letters}`,
    fw: `KUBE-FW-${letters}`,
  };
}

/** Chain of one endpoint of a port; `destination` is `ip:port`, IPv6 as `[ip]:port`. */
export function sepChain(name: string, protocol: Protocol, destination: string): ChainName {
  return `KUBE-SEP-${shortHash(`${name}${LOWER[protocol]}${destination}`)}`;
}

/**
 * The names kube-proxy of any version gives a port in hashes: an unnamed port was `ns/svc:` up to 1.18, so all its
 * chain names changed with 1.19 (341022f8).
 */
export function nameInHash(port: ServicePort): readonly string[] {
  return port.portName === '' ? [port.id, `${port.id}:`] : [port.id];
}

/** The chains that can belong to this endpoint of this port, of any version. */
export function sepChainsFor(
  port: ServicePort,
  endpoint: { readonly ip: Ip; readonly port: number },
): readonly ChainName[] {
  const destination = printAddressPort(endpoint.ip, endpoint.port);
  return nameInHash(port).map((name) => sepChain(name, port.protocol, destination));
}
