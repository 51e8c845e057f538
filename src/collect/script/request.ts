import type { NodeAddressType } from '../node-address.ts';
import type { SshSettings } from '../ssh/index.ts';

/** What the script of `collect --print-script` has built in. */
export interface ScriptRequest {
  readonly toolVersion: string;
  /** Flags for kubectl, each as one word: which cluster, as whom. Never a secret. */
  readonly kubectlFlags: readonly string[];
  /** null: the namespace of the context, where the script runs. */
  readonly namespace: string | null;
  readonly allNamespaces: boolean;
  /** null: all of the namespace. */
  readonly names: readonly string[] | null;
  readonly selector: string | null;
  /** null: all. */
  readonly nodes: readonly string[] | null;
  readonly nodeAddress: NodeAddressType | null;
  readonly ssh: Omit<SshSettings, 'keys'>;
  /** Nodes read at the same time. */
  readonly concurrency: number;
  /** Seconds for one question to a node. */
  readonly timeoutSeconds: number;
  /** Seconds between API and nodes. */
  readonly settleSeconds: number;
  /** The folder that the script makes when it is told no other. */
  readonly folder: string;
}
