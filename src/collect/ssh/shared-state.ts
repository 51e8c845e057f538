import type { Bastions } from './bastions.ts';
import type { Keyring } from './keyring.ts';
import type { LoginGates } from './login-gate.ts';
import type { SshSettings } from './settings.ts';
import type { TemporaryFolder } from './temporary-folder.ts';

/** What the logins to all nodes of a run have in common. */
export interface SharedState {
  readonly settings: SshSettings;
  readonly gates: LoginGates;
  readonly bastions: Bastions;
  readonly keyring: Keyring;
  readonly folder: TemporaryFolder;
  /** Sees to it that connections whose sockets are in the folder end with the run. */
  keepConnections(): void;
  /** Aborted at the end of the run. */
  readonly signal: AbortSignal;
}
