import type { NodeFailure, NodeFailureReason, Via } from '../model/snapshot.ts';

/** What one command on a node answered. */
export interface CommandResult {
  readonly stdout: Buffer;
  /** Decoded as UTF-8, cut at 64 KiB. */
  readonly stderr: string;
  /** Exit code; null when the command was ended by a signal or none was delivered. */
  readonly code: number | null;
}

export interface RunOptions {
  /** Ends the command; the promise then rejects with a {@link NodeReadError} `timeout` or `cancelled`. */
  readonly signal: AbortSignal;
}

/**
 * How words reach a program over a transport. `login`: a user's login, whose search path, language and rights are not
 * known. `container`: a container that runs as root with a path of its own, and may hold neither a shell nor `env`.
 */
export type Dialect = 'login' | 'container';

/**
 * One way to run commands on one node. argv in; stdout, stderr and exit code out. Implementations never interpret
 * what the commands print, and reject only with {@link NodeReadError}.
 */
export interface Transport {
  readonly via: Via;
  readonly dialect: Dialect;
  /** What does the work, for the report: `ssh2`, `system ssh (ProxyCommand)`. Known once connected. */
  readonly client: string;
  run(argv: readonly string[], options: RunOptions): Promise<CommandResult>;
  /** Ends the connection; never rejects. */
  close(): Promise<void>;
}

/** A node, or one command on it, could not be read. Carries what the report says about it. */
export class NodeReadError extends Error implements NodeFailure {
  override readonly name = 'NodeReadError';
  readonly reason: NodeFailureReason;
  readonly tryThis: string;

  constructor(reason: NodeFailureReason, message: string, tryThis: string, options?: ErrorOptions) {
    super(message, options);
    this.reason = reason;
    this.tryThis = tryThis;
  }
}
