import pLimit from 'p-limit';
import { familiesOfProxyTables } from '../model/nft-tables.ts';
import type { CommandRecord, NodeFailure, NodeFile } from '../model/snapshot.ts';
import {
  commandLine,
  EXTRAS,
  isAllowed,
  isAskedBy,
  NFT_TABLES,
  type NodeCommand,
  PLAIN_SAVES,
  VARIANT_SAVES,
  WHO_AM_I,
  withoutEnvironment,
} from './node-commands.ts';
import { type Answer, isMissing, isRefused, judgeSaves } from './judge-saves.ts';
import { incompleteness } from './save-completeness.ts';
import { decodeSave } from './snapshot-dir/index.ts';
import { type CommandResult, NodeReadError, type Transport } from './transport.ts';

export interface ReadNodeOptions {
  readonly signal: AbortSignal;
  /** Milliseconds of a clock that only goes forward. */
  readonly now: () => number;
}

/** What was read of a node. With a failure, the files are what there was until then. */
export interface NodeReading {
  readonly files: ReadonlyMap<NodeFile, string>;
  readonly commands: readonly CommandRecord[];
  readonly failure: NodeFailure | null;
}

/** Channels at the same time: sshd allows ten in a connection, others may have set less. */
const CHANNELS = 4;

const STDERR_KEPT = 2000;

/** Milliseconds for a command that no judgement of rules needs. */
const EXTRA_TIMEOUT = 10_000;

/** Runs the read-only commands on a node and keeps what they print, after proving that it is all of it. */
export async function readNode(transport: Transport, options: ReadNodeOptions): Promise<NodeReading> {
  return new NodeReader(transport, options).read();
}

class NodeReader {
  readonly #transport: Transport;
  readonly #options: ReadNodeOptions;
  readonly #limit = pLimit(CHANNELS);
  readonly #answers: Answer[] = [];
  readonly #files = new Map<NodeFile, string>();
  /** What the login's profile prints before each answer; nothing, as a rule. */
  #noise = '';

  constructor(transport: Transport, options: ReadNodeOptions) {
    this.#transport = transport;
    this.#options = options;
  }

  async read(): Promise<NodeReading> {
    let failure: NodeFailure | null;
    try {
      failure = await this.#readAll();
    } catch (error) {
      if (!(error instanceof NodeReadError)) throw error;
      const { reason, message, tryThis } = error;
      failure = { reason, message, tryThis };
    }
    return { files: this.#files, commands: this.#answers.map((answer) => answer.record), failure };
  }

  async #readAll(): Promise<NodeFailure | null> {
    const isRoot = await this.#isRoot();
    // The saves stand first in the queue.
    const variants = this.#runAll(VARIANT_SAVES, isRoot);
    const extras = this.#runExtras(isRoot);
    try {
      const saves = await variants;
      const plain = PLAIN_SAVES.filter((command) => hasNoVariant(saves, command.file.startsWith('ip6')));
      saves.push(...(await this.#runAll(plain, isRoot)));
      return judgeSaves(saves);
    } finally {
      for (const answer of await extras) {
        this.#answers.push(answer);
        this.#keep(answer);
      }
    }
  }

  /** Never rejects: what cannot be had is a record with the reason. */
  async #runExtras(isRoot: boolean): Promise<readonly Answer[]> {
    const run = async (commands: readonly NodeCommand[]): Promise<readonly Answer[]> =>
      Promise.all(commands.map((command) => this.#limit(async () => this.#runExtra(command, isRoot))));
    const extras = await run(EXTRAS.filter((command) => isAskedBy(this.#transport.dialect, command)));
    const tables = extras.find(({ record }) => record.file === 'nft.json')?.text ?? '';
    const families = familiesOfProxyTables(tables);
    const present = NFT_TABLES.filter(({ family }) => families.includes(family));
    return [...extras, ...(await run(present.map(({ command }) => command)))];
  }

  async #runExtra(command: NodeCommand, isRoot: boolean): Promise<Answer> {
    const signal = AbortSignal.any([this.#options.signal, AbortSignal.timeout(EXTRA_TIMEOUT)]);
    try {
      return await this.#run(command, isRoot, signal);
    } catch (error) {
      if (!(error instanceof NodeReadError)) throw error;
      const argv = commandLine(command, { dialect: this.#transport.dialect, isRoot });
      const record = { argv, code: null, stderr: error.message, file: null, durationMs: 0 };
      return { command, text: '', missingPart: null, record };
    }
  }

  async #isRoot(): Promise<boolean> {
    if (this.#transport.dialect === 'container') return true;
    const answer = await this.#run(WHO_AM_I, true);
    this.#answers.push(answer);
    const [, noise = '', user = ''] = /^([\s\S]*?\n|)(\d+)\s*$/.exec(answer.text) ?? [];
    if (answer.record.code !== 0 || user === '') throw notAShell(answer);
    this.#noise = noise;
    return user === '0';
  }

  async #runAll(commands: readonly NodeCommand[], isRoot: boolean): Promise<Answer[]> {
    const results = await Promise.allSettled(
      commands.map((command) => this.#limit(async () => this.#runComplete(command, isRoot))),
    );
    const attempts = results.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
    this.#answers.push(...attempts.flat());
    for (const answer of attempts.flat()) this.#keep(answer);
    for (const result of results) if (result.status === 'rejected') throw result.reason;
    return attempts.flatMap((answers) => answers.slice(-1));
  }

  /** One more time when the answer is not all of it; the last attempt counts. */
  async #runComplete(command: NodeCommand, isRoot: boolean): Promise<readonly Answer[]> {
    const first = await this.#run(command, isRoot);
    return first.missingPart === null ? [first] : [first, await this.#run(command, isRoot)];
  }

  async #run(command: NodeCommand, isRoot: boolean, signal = this.#options.signal): Promise<Answer> {
    const { dialect } = this.#transport;
    const argv = commandLine(command, { dialect, isRoot });
    if (!isAllowed(argv, dialect)) throw new TypeError(`not a command for a node: ${argv.join(' ')}`);
    const startedAt = this.#options.now();
    const result = await this.#ask(argv, signal);
    const text = decodeSave(result.stdout);
    const answer = text.startsWith(this.#noise) ? text.slice(this.#noise.length) : text;
    return answerOf(command, argv, result, answer, Math.round(this.#options.now() - startedAt));
  }

  async #ask(argv: readonly string[], signal: AbortSignal): Promise<CommandResult> {
    try {
      return await this.#transport.run(argv, { signal });
    } catch (error) {
      throw error instanceof NodeReadError && error.reason === 'timeout' ? unanswered(argv, error) : error;
    }
  }

  /** Keeps only what is whole: half a save would look like missing rules. */
  #keep(answer: Answer): void {
    const { file } = answer.record;
    if (file !== null) this.#files.set(file, answer.text);
  }
}

function answerOf(
  command: NodeCommand,
  argv: readonly string[],
  result: CommandResult,
  text: string,
  durationMs: number,
): Answer {
  const missingPart = command.kind === 'save' && result.code === 0 ? incompleteness(text) : null;
  const kept = command.kind === 'lines' ? text.slice(0, text.lastIndexOf('\n') + 1) : text;
  const stderr = result.stderr.slice(0, STDERR_KEPT);
  const file = missingPart === null && counts(command, result, kept) ? command.file : null;
  return { command, text: kept, missingPart, record: { argv, code: result.code, stderr, file, durationMs } };
}

function counts({ kind }: NodeCommand, { code }: CommandResult, text: string): boolean {
  switch (kind) {
    case 'save':
      return code === 0;
    case 'answer':
      return code === 0 && text.trim() !== '';
    case 'lines':
      return text !== '';
  }
}

/** Plain names are asked only where no back end has a name of its own. */
function hasNoVariant(saves: readonly Answer[], isIpv6: boolean): boolean {
  const family = saves.filter((answer) => answer.command.argv[0]?.startsWith('ip6') === isIpv6);
  return family.every((answer) => isMissing(answer.record) || isRefused(answer.record));
}

/** Names the command that hangs: sudo may, with its PAM modules, and more time does not help then. */
function unanswered(argv: readonly string[], error: NodeReadError): NodeReadError {
  const words = withoutEnvironment(argv).join(' ');
  const tryThis = argv.includes('sudo') ? `${error.tryThis}; does \`${words}\` end on the node?` : error.tryThis;
  return new NodeReadError('timeout', `${error.message}: ${words}`, tryThis, { cause: error });
}

function notAShell(answer: Answer): NodeReadError {
  const said = `${answer.text}\n${answer.record.stderr}`.trim().split('\n').slice(0, 3).join(' ').slice(0, 200);
  const words = `the login does not run commands: \`id -u\` ended with ${String(answer.record.code)}: ${said}`;
  return new NodeReadError('command-failed', words, 'Log in as a user with a POSIX shell: --ssh-user');
}
