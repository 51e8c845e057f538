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
  /**
   * When an answer counts. `save`: with exit code 0, and whole, be it empty; `answer`: with exit code 0; `lines`: each line
   * for itself, whatever the exit code.
   */
  readonly kind: 'save' | 'answer' | 'lines';
  /**
   * Asks about a program of the node, not about its kernel, so that it is not asked in a container. There `iptables` is a wrapper
   * besides (kubernetes-sigs/iptables-wrappers), which at its first use may create a table.
   */
  readonly isAboutHost?: true;
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

export const WHO_AM_I: NodeCommand = { argv: ['id', '-u'], file: null, needsRoot: false, kind: 'answer' };

/** Of each interface, where there is one of each. */
const SYSCTL_NAMES = [
  'forwarding',
  'rp_filter',
  'route_localnet',
  'bridge-nf-call-iptables',
  'bridge-nf-call-ip6tables',
  'nf_conntrack_max',
  'nf_conntrack_count',
  'nf_conntrack_tcp_be_liberal',
];

/** Without br_netfilter or IPv6 their folder is missing: `find` says so, and goes on. */
const SYSCTL_FOLDERS = ['ipv4/conf', 'ipv6/conf', 'bridge', 'netfilter'].map((folder) => `/proc/sys/net/${folder}`);

/**
 * `PATH:VALUE` in each line. sysctl(8) would be the tool, but it is missing in small images, cannot name a value of every
 * interface without printing all others, and writes interfaces with a dot in two ways.
 */
const SYSCTLS: NodeCommand = {
  argv: ['find', ...SYSCTL_FOLDERS, '(', ...eitherName(SYSCTL_NAMES), ')', '-exec', 'grep', '-sH', '', '{}', '+'],
  file: 'sysctl',
  needsRoot: false,
  kind: 'lines',
};

/** Asked beside the saves. None of them is needed to judge rules, so that none costs a node. */
export const EXTRAS: readonly NodeCommand[] = [
  { argv: ['ip', '-j', 'addr'], file: 'ip-addr.json', needsRoot: false, kind: 'answer' },
  SYSCTLS,
  { argv: ['iptables', '--version'], file: 'iptables-version', needsRoot: false, kind: 'answer', isAboutHost: true },
  { argv: ['nft', '-j', 'list', 'tables'], file: 'nft.json', needsRoot: true, kind: 'answer' },
];

/** What kube-proxy's tables of nftables mode are asked with, by the family they are of; only where they are. */
export const NFT_TABLES = [nftTable('ip', 'nft-ip.json'), nftTable('ip6', 'nft-ip6.json')] as const;

/** All that ever runs on a node. */
export const NODE_COMMANDS: readonly NodeCommand[] = [
  WHO_AM_I,
  ...VARIANT_SAVES,
  ...PLAIN_SAVES,
  ...EXTRAS,
  ...NFT_TABLES.map(({ command }) => command),
];

function save<T extends NodeFile>(file: T): NodeCommand & { readonly file: T } {
  return { argv: [file, '-c'], file, needsRoot: true, kind: 'save' };
}

/** Words of find(1): a file with one of these names. */
function eitherName(names: readonly string[]): readonly string[] {
  return names.flatMap((name) => ['-o', '-name', name]).slice(1);
}

function nftTable(family: 'ip' | 'ip6', file: NodeFile): { readonly family: string; readonly command: NodeCommand } {
  const argv = ['nft', '-j', 'list', 'table', family, 'kube-proxy'];
  return { family, command: { argv, file, needsRoot: true, kind: 'answer' } };
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

/** Whether a command is asked over such a transport. */
export function isAskedBy(dialect: Dialect, { isAboutHost }: NodeCommand): boolean {
  return dialect === 'login' || isAboutHost !== true;
}

/** Whether this argv may run on a node: exactly what {@link commandLine} makes of {@link NODE_COMMANDS}. */
export function isAllowed(argv: readonly string[], dialect: Dialect): boolean {
  const askers = ASKERS.filter((asker) => asker.dialect === dialect);
  return NODE_COMMANDS.filter((command) => isAskedBy(dialect, command)).some((command) =>
    askers.some((asker) => {
      const allowed = commandLine(command, asker);
      return allowed.length === argv.length && allowed.every((word, index) => word === argv[index]);
    }),
  );
}

/** The line of sudoers(5) that lets a user read a node, and nothing else. */
export const SUDOERS_LINE = `USER ALL=(root) NOPASSWD: ${NODE_COMMANDS.filter(({ needsRoot }) => needsRoot)
  .map((command) => `/usr/sbin/${command.argv.join(' ')}`)
  .join(', ')}`;
