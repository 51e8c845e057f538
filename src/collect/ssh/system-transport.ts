import pLimit from 'p-limit';
import { NodeReadError, type CommandResult, type RunOptions, type Transport } from '../transport.ts';
import { codeOf, notUnderstood, stopped } from './failures.ts';
import type { HopConfig } from './hop-config.ts';
import { STDOUT_LIMIT } from './builtin-transport.ts';
import { quoteForPosixShell } from './quote.ts';
import { SSH_PROGRAM } from './resolve-host.ts';
import { runProgram } from './run-program.ts';
import type { SshSettings } from './settings.ts';
import { sshCommandFor, sshFlags } from './settings.ts';
import { systemFailure } from './system-failure.ts';
import { SYSTEM_OPTIONS } from './system-options.ts';

/** ssh's own failures; a command that we run never ends with it. */
const SSH_FAILED = 255;

/** Logins at the same time: sshd, and a bastion for many nodes, drop more than a few (MaxStartups). */
const LOGINS = 2;

/** A host for OpenSSH's own client. */
export interface SystemHost {
  readonly host: string;
  readonly settings: SshSettings;
  /** See `ResolvedHost`. */
  readonly takenBack: readonly string[];
  /** Configuration that binds the hops on the way too; null: there is no hop. */
  readonly hopConfig: HopConfig | null;
}

/** Commands over OpenSSH's own client: one process, and one login, each. */
export class SystemTransport implements Transport {
  readonly via = 'ssh';
  readonly dialect = 'login';
  readonly client: string;
  readonly #target: SystemHost;
  readonly #closing = new AbortController();
  readonly #limit = pLimit(LOGINS);

  constructor(target: SystemHost, why: string) {
    this.client = `system ssh (${why})`;
    this.#target = target;
  }

  async run(argv: readonly string[], options: RunOptions): Promise<CommandResult> {
    return this.#limit(async () => this.#runNow(argv, options));
  }

  async #runNow(argv: readonly string[], options: RunOptions): Promise<CommandResult> {
    const signal = AbortSignal.any([options.signal, this.#closing.signal]);
    const { host, settings } = this.#target;
    try {
      const { stdout, stderr, code, isOverLimit } = await runProgram(
        SSH_PROGRAM,
        systemSshArgv(this.#target, quoteForPosixShell(argv)),
        { signal, limit: STDOUT_LIMIT },
      );
      if (isOverLimit) throw tooMuch(host);
      if (code === SSH_FAILED) throw systemFailure(stderr, host, sshCommandFor(host, settings));
      return { stdout, stderr, code };
    } catch (error) {
      if (signal.aborted) throw stopped(signal, host);
      if (codeOf(error) === 'ENOENT') throw withoutProgram(this.client);
      throw error;
    }
  }

  async close(): Promise<void> {
    this.#closing.abort();
    this.#target.hopConfig?.remove();
    return Promise.resolve();
  }
}

/** @throws NodeReadError for a host that `ssh` would take for an option */
export function systemSshArgv(target: SystemHost, command: string): readonly string[] {
  const { host, takenBack, hopConfig } = target;
  if (host.startsWith('-'))
    throw notUnderstood(`${host} cannot be the name of a host`, 'Choose another: --node-address');
  const settings = hopConfig === null ? target.settings : { ...target.settings, config: hopConfig.file };
  const options = [...SYSTEM_OPTIONS, ...takenBack].flatMap((option) => ['-o', option]);
  return [...sshFlags(settings), ...options, '--', host, command];
}

function withoutProgram(client: string): NodeReadError {
  return notUnderstood(`${client} is needed, but there is no ssh program`, 'Install the client of OpenSSH.');
}

function tooMuch(host: string): NodeReadError {
  const words = `${host}: more than ${STDOUT_LIMIT / 1024 / 1024} MiB in one answer`;
  return new NodeReadError('truncated', words, 'Save the rules on the node, and check them with --from.');
}
