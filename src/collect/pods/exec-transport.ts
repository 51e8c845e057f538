import { setTimeout as sleep } from 'node:timers/promises';
import { type ClusterConnection, ClusterError } from '../cluster/index.ts';
import type { Via } from '../../model/snapshot.ts';
import { stopped } from '../ssh/failures.ts';
import { type CommandResult, type Dialect, NodeReadError, type RunOptions, type Transport } from '../transport.ts';
import { execInPod, ExecBroken, type ExecTarget } from './exec.ts';

/** A container commands are run in, and how. */
export interface ExecSettings {
  readonly via: Via;
  readonly dialect: Dialect;
  readonly connection: ClusterConnection;
  readonly target: ExecTarget;
  /** Turns the argv of a command into that of the exec. */
  readonly wrap?: (argv: readonly string[]) => readonly string[];
  /** What the answer of a wrapped command is. */
  readonly unwrap?: (result: CommandResult) => Promise<CommandResult>;
  /** Runs once no command will follow. */
  readonly close?: () => Promise<void>;
}

/** Every command only reads, so one whose answer was lost may be asked again. */
const ATTEMPTS = 3;
const PAUSE_MS = 300;

/** Commands in a container, each over a WebSocket of its own. */
export class ExecTransport implements Transport {
  readonly via: Via;
  readonly dialect: Dialect;
  readonly client: string;
  readonly #settings: ExecSettings;

  constructor(settings: ExecSettings) {
    const { namespace, pod } = settings.target;
    this.via = settings.via;
    this.dialect = settings.dialect;
    this.client = `exec in pod ${namespace}/${pod}`;
    this.#settings = settings;
  }

  async run(argv: readonly string[], { signal }: RunOptions): Promise<CommandResult> {
    const { connection, target, wrap, unwrap } = this.#settings;
    const words = wrap === undefined ? argv : wrap(argv);
    for (let attempt = 1; ; attempt++) {
      try {
        const result = await execInPod(connection, target, words, { signal });
        return unwrap === undefined ? result : await unwrap(result);
      } catch (error) {
        if (!(error instanceof ExecBroken) || attempt === ATTEMPTS) throw readError(error, target);
        await sleep(PAUSE_MS * attempt, undefined, { signal }).catch(() => {
          throw stopped(signal, this.client);
        });
      }
    }
  }

  async close(): Promise<void> {
    await this.#settings.close?.();
  }
}

/** Why an exec gave nothing, as a failure of the node. Anything else is passed on as it is. */
function readError(error: unknown, { namespace, pod }: ExecTarget): unknown {
  const look = `kubectl -n ${namespace} get pod ${pod} -o wide`;
  if (error instanceof ExecBroken) {
    return new NodeReadError('connection-lost', `${error.message} (${ATTEMPTS} times)`, `Run it again; ${look}`);
  }
  if (!(error instanceof ClusterError)) return error;
  if (error.status === 403) return forbiddenExec(error, namespace);
  if (error.status === 404) {
    return new NodeReadError('pod-ended', `exec in pod ${namespace}/${pod}: ${error.message}`, `Run it again; ${look}`);
  }
  return new NodeReadError('connection-lost', `exec in pod ${namespace}/${pod}: ${error.message}`, look, {
    cause: error,
  });
}

/** A WebSocket is asked for with GET: the API server wants `get`, and since 1.35 `create` too. */
function forbiddenExec(error: ClusterError, namespace: string): NodeReadError {
  const tryThis = `Needs get and create of pods/exec in ${namespace}: kubectl svcdoctor rbac prints the roles, or use another --via.`;
  return new NodeReadError('forbidden', error.message, tryThis, { cause: error });
}
