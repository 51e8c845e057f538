import type { Via } from '../model/snapshot.ts';
import { addressesOfNode, type NodeAddressType } from './node-address.ts';
import { SshLogins, type SshSettings } from './ssh/index.ts';
import type { Transport } from './transport.ts';

/** A node to be read: its name, and the Node object as the API server sent it. */
export interface NodeTarget {
  readonly name: string;
  readonly raw: unknown;
}

/** One way to read nodes. */
export interface NodeWay {
  readonly via: Via;
  /**
   * Once, before the nodes that shall be read this way: what is the same for all of them.
   * @throws NodeReadError when it leads to none of them
   */
  prepare?(nodes: readonly NodeTarget[], signal: AbortSignal): Promise<void>;
  /** @throws NodeReadError when it does not lead to this node */
  open(node: NodeTarget, signal: AbortSignal): Promise<Transport>;
  /** Frees what the way holds beside its transports; never rejects. */
  close(): Promise<void>;
}

/** A login on the node itself; `address` null: the types of address in the usual order. */
export function sshWay(settings: SshSettings, address: NodeAddressType | null): NodeWay {
  const logins = new SshLogins(settings);
  return {
    via: 'ssh',
    open: async ({ name, raw }, signal) =>
      logins.connect({ node: name, addresses: addressesOfNode(raw, address) }, signal),
    close: async () => logins.close(),
  };
}
