import pLimit, { type LimitFunction } from 'p-limit';
import { NodeReadError, type CommandResult, type RunOptions, type Transport } from '../transport.ts';
import { STDOUT_LIMIT } from './builtin-transport.ts';
import { codeOf, notUnderstood, stopped } from './failures.ts';
import type { HopConfig } from './hop-config.ts';
import { quoteForPosixShell } from './quote.ts';
import { SSH_PROGRAM } from './resolve-host.ts';
import { runProgram } from './run-program.ts';
import type { SshSettings } from './settings.ts';
import { sshCommandFor, sshFlags } from './settings.ts';
import type { SharedState } from './shared-state.ts';
import { endShared, newSocket, openingFlags, openShared } from './shared-connection.ts';
import { systemFailure } from './system-failure.ts';
import { controlPathOption, identityAgentOption, SYSTEM_OPTIONS } from './system-options.ts';

/** ssh's own failures; a command that we run never ends with it. */
const SSH_FAILED = 255;

/** Commands at the same time when each is a login of its own: sshd drops more than a few (MaxStartups). */
const LOGINS = 2;
/** Commands at the same time over a connection that is there: sshd allows ten (MaxSessions). */
const SESSIONS = 4;

/** A host for OpenSSH's own client. */
export interface SystemHost {
  readonly host: string;
  readonly settings: SshSettings;
  /** See `ResolvedHost`. */
  readonly takenBack: readonly string[];
  /** Configuration that binds the hops on the way too; null: there is no hop. */
  readonly hopConfig: HopConfig | null;
  /** Socket of an agent of ours; null: that of ssh_config. */
  readonly agent: string | null;
  /** Ends what was made for this host alone. */
  readonly release: () => void;
  /** What logins have in common that come to the same sshd first. */
  readonly server: string;
}

/** Commands over OpenSSH's own client: one process each, and one login for all of them where connections can be shared. */
export class SystemTransport implements Transport {
  readonly via = 'ssh';
  readonly dialect = 'login';
  readonly client: string;
  readonly #target: SystemHost;
  readonly #shared: SharedState;
  readonly #closing = new AbortController();
  #limit: LimitFunction = pLimit(LOGINS);
  /** Of a connection that is open; null: each command logs in. */
  #socket: string | null = null;
  #isOurs = false;

  constructor(target: SystemHost, shared: SharedState, why: string) {
    this.client = `system ssh (${why})`;
    this.#target = target;
    this.#shared = shared;
  }

  /** Takes a connection that is open already. It is the user's, and stays. */
  useConnection(socket: string): void {
    this.#socket = socket;
    this.#limit = pLimit(SESSIONS);
  }

  /**
   * Logs in, for all commands to come.
   * @returns false: connections cannot be shared here
   * @throws NodeReadError
   */
  async openConnection(signal: AbortSignal): Promise<boolean> {
    const socket = newSocket(this.#shared.folder);
    if (socket === null) return false;
    const argv = [...openingFlags(socket), ...systemSshFlags(this.#target, null)];
    this.#shared.keepConnections();
    this.#socket = socket;
    this.#isOurs = true;
    await this.#logIn(signal, async (stop) => {
      const said = await openShared(argv, this.#shared.folder, stop);
      if (said !== null) throw this.#failure(said);
    });
    this.#limit = pLimit(SESSIONS);
    return true;
  }

  async run(argv: readonly string[], options: RunOptions): Promise<CommandResult> {
    const command = quoteForPosixShell(argv);
    return this.#limit(async () => {
      if (this.#socket !== null) return this.#guarded(options.signal, async (stop) => this.#runNow(command, stop));
      return this.#logIn(options.signal, async (stop) => this.#runNow(command, stop));
    });
  }

  async close(): Promise<void> {
    this.#closing.abort();
    if (this.#isOurs && this.#socket !== null) await endShared(this.#socket, this.#target.host);
    this.#target.hopConfig?.remove();
    this.#target.release();
  }

  async #runNow(command: string, signal: AbortSignal): Promise<CommandResult> {
    const argv = [...systemSshFlags(this.#target, this.#socket), command];
    const { stdout, stderr, code, isOverLimit } = await runProgram(SSH_PROGRAM, argv, { signal, limit: STDOUT_LIMIT });
    if (isOverLimit) throw tooMuch(this.#target.host);
    if (code === SSH_FAILED) throw this.#failure(stderr);
    return { stdout, stderr, code };
  }

  async #logIn<T>(signal: AbortSignal, work: (stop: AbortSignal) => Promise<T>): Promise<T> {
    return this.#guarded(signal, async (stop) =>
      this.#shared.gates.pass(this.#target.server, async () => work(stop), stop),
    );
  }

  async #guarded<T>(signal: AbortSignal, work: (stop: AbortSignal) => Promise<T>): Promise<T> {
    const stop = AbortSignal.any([signal, this.#closing.signal]);
    try {
      return await work(stop);
    } catch (error) {
      if (stop.aborted) throw stopped(stop, this.#target.host);
      if (codeOf(error) === 'ENOENT') throw withoutProgram(this.client);
      throw error;
    }
  }

  #failure(stderr: string): NodeReadError {
    const { host, settings } = this.#target;
    return systemFailure(stderr, host, sshCommandFor(host, settings));
  }
}

/**
 * Flags and host: all but the command.
 * @param socket of a connection to use; null: none
 * @throws NodeReadError for a host that `ssh` would take for an option
 */
export function systemSshFlags(target: SystemHost, socket: string | null): readonly string[] {
  const { host, takenBack, hopConfig, agent } = target;
  if (host.startsWith('-'))
    throw notUnderstood(`${host} cannot be the name of a host`, 'Choose another: --node-address');
  const settings = hopConfig === null ? target.settings : { ...target.settings, config: hopConfig.file };
  const agentOption = agent === null ? [] : [identityAgentOption(agent)];
  const options = [...SYSTEM_OPTIONS, controlPathOption(socket), ...agentOption, ...takenBack];
  return [...sshFlags(settings), ...options.flatMap((option) => ['-o', option]), '--', host];
}

function withoutProgram(client: string): NodeReadError {
  return notUnderstood(`${client} is needed, but there is no ssh program`, 'Install the client of OpenSSH.');
}

function tooMuch(host: string): NodeReadError {
  const words = `${host}: more than ${STDOUT_LIMIT / 1024 / 1024} MiB in one answer`;
  return new NodeReadError('truncated', words, 'Save the rules on the node, and check them with --from.');
}
