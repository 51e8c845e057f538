import { isObject } from '../model/decode.ts';

/** Types of `status.addresses` of a Node, and its name. */
export const NODE_ADDRESS_TYPES = [
  'InternalIP',
  'ExternalIP',
  'Hostname',
  'InternalDNS',
  'ExternalDNS',
  'NodeName',
] as const;

export type NodeAddressType = (typeof NODE_ADDRESS_TYPES)[number];

/** Without a choice: the address other nodes use, then the name. */
const DEFAULT_ORDER: readonly NodeAddressType[] = ['InternalIP', 'Hostname'];

/** Types of address to try, in this order. */
export function addressOrder(type: NodeAddressType | null): readonly NodeAddressType[] {
  return type === null ? DEFAULT_ORDER : [type];
}

/** Addresses of a raw Node to connect to, best first; empty when it has none of the type. */
export function addressesOfNode(node: unknown, type: NodeAddressType | null): readonly string[] {
  return addressOrder(type).flatMap((wanted) => (wanted === 'NodeName' ? nameOf(node) : ofType(node, wanted)));
}

function ofType(node: unknown, type: NodeAddressType): readonly string[] {
  const status = isObject(node) ? node['status'] : null;
  const addresses = isObject(status) ? status['addresses'] : null;
  if (!Array.isArray(addresses)) return [];
  return addresses.flatMap((entry: unknown) =>
    isObject(entry) && entry['type'] === type && typeof entry['address'] === 'string' ? [entry['address']] : [],
  );
}

function nameOf(node: unknown): readonly string[] {
  const metadata = isObject(node) ? node['metadata'] : null;
  const name = isObject(metadata) ? metadata['name'] : null;
  return typeof name === 'string' ? [name] : [];
}
