import pLimit from 'p-limit';
import { NodeReadError, type CommandResult, type RunOptions, type Transport } from '../transport.ts';
import { codeOf, notUnderstood, stopped } from './failures.ts';
import { STDOUT_LIMIT } from './builtin-transport.ts';
import { quoteForPosixShell } from './quote.ts';
import { SSH_PROGRAM } from './resolve-host.ts';
import { runProgram } from './run-program.ts';
import type { SshSettings } from './settings.ts';
import { sshCommandFor, sshFlags } from './settings.ts';
import { systemFailure } from './system-failure.ts';

/** Never asks, never trusts a new host, opens nothing but the one session. What the user's ssh_config says comes after. */
const OPTIONS = [
  'BatchMode=yes',
  'StrictHostKeyChecking=yes',
  'UpdateHostKeys=no',
  'ConnectTimeout=10',
  'ServerAliveInterval=10',
  'ServerAliveCountMax=3',
  'ForwardAgent=no',
  'ClearAllForwardings=yes',
  'PermitLocalCommand=no',
  'RequestTTY=no',
  'RemoteCommand=none',
  'ForkAfterAuthentication=no',
  'SessionType=default',
  'LogLevel=ERROR',
];

/** ssh's own failures; a command that we run never ends with it. */
const SSH_FAILED = 255;

/** Logins at the same time: sshd, and a bastion for many nodes, drop more than a few (MaxStartups). */
const LOGINS = 2;

/** Commands over OpenSSH's own client: one process, and one login, each. */
export class SystemTransport implements Transport {
  readonly via = 'ssh';
  readonly client: string;
  readonly #host: string;
  readonly #settings: SshSettings;
  readonly #closing = new AbortController();
  readonly #limit = pLimit(LOGINS);

  constructor(host: string, settings: SshSettings, why: string) {
    this.client = `system ssh (${why})`;
    this.#host = host;
    this.#settings = settings;
  }

  async run(argv: readonly string[], options: RunOptions): Promise<CommandResult> {
    return this.#limit(async () => this.#runNow(argv, options));
  }

  async #runNow(argv: readonly string[], options: RunOptions): Promise<CommandResult> {
    const signal = AbortSignal.any([options.signal, this.#closing.signal]);
    try {
      const { stdout, stderr, code, isOverLimit } = await runProgram(
        SSH_PROGRAM,
        systemSshArgv(this.#host, this.#settings, quoteForPosixShell(argv)),
        { signal, limit: STDOUT_LIMIT },
      );
      if (isOverLimit) throw tooMuch(this.#host);
      if (code === SSH_FAILED) throw systemFailure(stderr, this.#host, sshCommandFor(this.#host, this.#settings));
      return { stdout, stderr, code };
    } catch (error) {
      if (signal.aborted) throw stopped(signal, this.#host);
      if (codeOf(error) === 'ENOENT') throw withoutProgram(this.client);
      throw error;
    }
  }

  async close(): Promise<void> {
    this.#closing.abort();
    return Promise.resolve();
  }
}

/** @throws NodeReadError for a host that `ssh` would take for an option */
export function systemSshArgv(host: string, settings: SshSettings, command: string): readonly string[] {
  if (host.startsWith('-'))
    throw notUnderstood(`${host} cannot be the name of a host`, 'Choose another: --node-address');
  return [...sshFlags(settings), ...OPTIONS.flatMap((option) => ['-o', option]), '--', host, command];
}

function withoutProgram(client: string): NodeReadError {
  return notUnderstood(`${client} is needed, but there is no ssh program`, 'Install the client of OpenSSH.');
}

function tooMuch(host: string): NodeReadError {
  const words = `${host}: more than ${STDOUT_LIMIT / 1024 / 1024} MiB in one answer`;
  return new NodeReadError('truncated', words, 'Save the rules on the node, and check them with --from.');
}
