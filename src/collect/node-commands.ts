import type { NodeFile } from '../model/snapshot.ts';
import type { Dialect } from './transport.ts';

/** Sets the search path (a login without a profile has no `sbin`) and the language of messages. */
const ENVIRONMENT = ['env', 'PATH=/usr/sbin:/sbin:/usr/local/sbin:/usr/bin:/bin', 'LC_ALL=C'] as const;

/** Inside `env`, so that sudo sees, and a sudoers line can name, the command alone. */
const SUDO = ['sudo', '-n', '--'] as const;

/** One read-only question to a node. */
export interface NodeCommand {
  readonly argv: readonly string[];
  /** File that keeps the answer. */
  readonly file: NodeFile | null;
  /** Only root gets an answer. */
  readonly needsRoot: boolean;
}

/** Each back end by its own name: plain names show only one of them. Never `-t` on legacy, which creates the table. */
export const VARIANT_SAVES = [
  save('iptables-nft-save'),
  save('iptables-legacy-save'),
  save('ip6tables-nft-save'),
  save('ip6tables-legacy-save'),
] as const;

/** For a node that has no variant. */
export const PLAIN_SAVES = [save('iptables-save'), save('ip6tables-save')] as const;

export const WHO_AM_I: NodeCommand = { argv: ['id', '-u'], file: null, needsRoot: false };
export const ADDRESSES: NodeCommand = { argv: ['ip', '-j', 'addr'], file: 'ip-addr.json', needsRoot: false };

/** All that ever runs on a node. */
export const NODE_COMMANDS: readonly NodeCommand[] = [WHO_AM_I, ADDRESSES, ...VARIANT_SAVES, ...PLAIN_SAVES];

function save<T extends NodeFile>(file: T): NodeCommand & { readonly file: T } {
  return { argv: [file, '-c'], file, needsRoot: true };
}

/** Who asks, and in which words. In a container everything runs as root, and there may be no `env`. */
export interface Asker {
  readonly dialect: Dialect;
  readonly isRoot: boolean;
}

/** Everybody who may ask. */
const ASKERS: readonly Asker[] = [
  { dialect: 'login', isRoot: true },
  { dialect: 'login', isRoot: false },
  { dialect: 'container', isRoot: true },
];

/** The argv that is sent to the node. */
export function commandLine(command: NodeCommand, { dialect, isRoot }: Asker): readonly string[] {
  if (dialect === 'container') return command.argv;
  return [...ENVIRONMENT, ...(command.needsRoot && !isRoot ? SUDO : []), ...command.argv];
}

/** The part of {@link commandLine} that people know. */
export function withoutEnvironment(argv: readonly string[]): readonly string[] {
  return argv[0] === ENVIRONMENT[0] ? argv.slice(ENVIRONMENT.length) : argv;
}

/** Whether this argv may run on a node: exactly what {@link commandLine} makes of {@link NODE_COMMANDS}. */
export function isAllowed(argv: readonly string[], dialect: Dialect): boolean {
  const askers = ASKERS.filter((asker) => asker.dialect === dialect);
  return NODE_COMMANDS.some((command) =>
    askers.some((asker) => {
      const allowed = commandLine(command, asker);
      return allowed.length === argv.length && allowed.every((word, index) => word === argv[index]);
    }),
  );
}

/** The line of sudoers(5) that lets a user read a node, and nothing else. */
export const SUDOERS_LINE = `USER ALL=(root) NOPASSWD: ${[...VARIANT_SAVES, ...PLAIN_SAVES]
  .map((command) => `/usr/sbin/${command.argv.join(' ')}`)
  .join(', ')}`;
