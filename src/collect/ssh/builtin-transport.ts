import { setTimeout } from 'node:timers/promises';
import type { Client, ClientChannel } from 'ssh2';
import { NodeReadError, type CommandResult, type RunOptions, type Transport } from '../transport.ts';
import { connectionLost, stopped } from './failures.ts';
import { quoteForPosixShell } from './quote.ts';
import { Collector } from './run-program.ts';
import { untilStopped } from '../until-stopped.ts';

/** More than any node prints: 10,000 Services make some 20 MB. */
export const STDOUT_LIMIT = 256 * 1024 * 1024;
const STDERR_LIMIT = 64 * 1024;

/** The server opens no channel, or no more of them. */
class ChannelRefused extends Error {
  override readonly name = 'ChannelRefused';
}

/** A command that runs; wrapped, so that waiting for its start is not waiting for its end. */
interface Answering {
  readonly answer: Promise<CommandResult>;
}

/** Commands over connections of ssh2: one channel each. */
export class BuiltinTransport implements Transport {
  readonly via = 'ssh';
  readonly dialect = 'login';
  readonly client = 'ssh2';
  readonly #place: string;
  /** The connection to the node; those to the hops before it are shared with other nodes. */
  readonly #connection: Client;
  /** Channels that are open. */
  #active = 0;
  /** Commands that wait for one of them to be closed. */
  #waiting: (() => void)[] = [];

  constructor(place: string, connection: Client) {
    this.#place = place;
    this.#connection = connection;
  }

  async run(argv: readonly string[], { signal }: RunOptions): Promise<CommandResult> {
    if (signal.aborted) throw stopped(signal, this.#place);
    // The connection stays: one command that hangs must not cost the answers of others. close() ends what still runs.
    return untilStopped(this.#exec(quoteForPosixShell(argv)), signal, () => stopped(signal, this.#place));
  }

  async close(): Promise<void> {
    this.#connection.end();
    this.#connection.destroy();
    return Promise.resolve();
  }

  async #exec(command: string): Promise<CommandResult> {
    try {
      const { answer } = await this.#openInTurn(command);
      try {
        return await answer;
      } finally {
        this.#active -= 1;
      }
    } finally {
      const waiting = this.#waiting;
      this.#waiting = [];
      for (const wake of waiting) wake();
    }
  }

  /** A server may allow fewer channels than are wanted (MaxSessions): then one after the other. */
  async #openInTurn(command: string): Promise<Answering> {
    for (let alone = 0; ;) {
      try {
        this.#active += 1;
        return await this.#open(command);
      } catch (error) {
        this.#active -= 1;
        if (!(error instanceof ChannelRefused)) throw error;
        if (this.#active > 0) await new Promise<void>((resolve) => this.#waiting.push(resolve));
        // The server may be a little later than we are in seeing that a channel is closed.
        else if (++alone < 3) await setTimeout(100);
        else throw this.#doesNotRun(error);
      }
    }
  }

  async #answer(channel: ClientChannel): Promise<CommandResult> {
    return new Promise((resolve, reject) => {
      const stdout = new Collector(STDOUT_LIMIT);
      const stderr = new Collector(STDERR_LIMIT);
      let exit: { readonly code: number | null } | null = null;
      channel.on('data', (chunk: Buffer) => {
        if (!stdout.add(chunk)) channel.close();
      });
      channel.stderr.on('data', (chunk: Buffer) => stderr.add(chunk));
      channel.on('exit', (code: number | null) => (exit = { code }));
      channel.on('error', () => undefined);
      channel.on('close', () => {
        if (stdout.isFull) return reject(this.#tooMuch());
        // A connection that breaks ends the stream just as a command that is done does: only the exit status tells.
        if (exit === null) return reject(connectionLost(this.#place, 'in the middle of an answer'));
        resolve({ stdout: stdout.bytes(), stderr: stderr.bytes().toString('utf8'), code: exit.code });
      });
    });
  }

  async #open(command: string): Promise<Answering> {
    return new Promise((resolve, reject) => {
      const fail = (error: Error): void => {
        const isGone = /No response from server|Not connected/.test(error.message);
        if (isGone) return reject(connectionLost(this.#place, 'before the command'));
        const isRefused = /Channel open failure/.test(error.message);
        reject(isRefused ? new ChannelRefused(error.message) : this.#doesNotRun(error));
      };
      try {
        this.#connection.exec(command, (error, channel) => {
          if (error !== undefined) return fail(error);
          // Listening must begin here and now: a short answer is in the same packet, and its events are not repeated.
          const answer = this.#answer(channel);
          // Nothing to read for the command: a menu, or a question, gets no answer instead of waiting for one.
          channel.end();
          answer.catch(() => undefined);
          resolve({ answer });
        });
      } catch (error) {
        fail(error instanceof Error ? error : new Error(String(error)));
      }
    });
  }

  #doesNotRun(error: Error): NodeReadError {
    const words = `${this.#place}: the server does not run commands for us: ${error.message}`;
    return new NodeReadError('command-failed', words, 'Let the user of --ssh-user run commands on the node.');
  }

  #tooMuch(): NodeReadError {
    const words = `${this.#place}: more than ${STDOUT_LIMIT / 1024 / 1024} MiB in one answer`;
    return new NodeReadError('truncated', words, 'Save the rules on the node, and check them with --from.');
  }
}
