/** Commands inside a namespace of the lab. `ip netns exec` is avoided: it hides what is mounted below /sys. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { AGENTS_GROUP } from './cgroups.ts';
import { run } from './process.ts';
import type { RunOptions, RunResult } from './process.ts';

/**
 * A link for each node to the namespaces of a process that only holds them. Files that hold them, as `unshare --mount=FILE`
 * makes, are refused by some kernels (6.18) now and then: they number namespaces for each processor.
 */
const NAMESPACES = '/run/lab/namespaces';

/** argv that runs in the named network namespace. Without a name: in the control plane's, the supervisor's own. */
export function inNetns(netns: string | undefined, argv: readonly string[]): string[] {
  return netns === undefined ? [...argv] : ['nsenter', `--net=/run/netns/${netns}`, '--', ...argv];
}

/** argv that runs on the node: in its network, with its host name and with its own files. */
export function onNode(node: string, argv: readonly string[]): string[] {
  const own = join(NAMESPACES, node);
  return ['nsenter', `--net=/run/netns/${node}`, `--mount=${own}/mnt`, `--uts=${own}/uts`, '--', ...argv];
}

/** argv that runs on the node as containerd and the kubelet do: in this control group, of those that the node sees. */
export function inNodeGroup(node: string, labtool: string, group: string, argv: readonly string[]): string[] {
  return [
    'nsenter',
    `--cgroup=${join(NAMESPACES, node)}/cgroup`,
    '--',
    ...onNode(node, [labtool, 'cgroup', group, ...argv]),
  ];
}

export function runIn(
  netns: string | undefined,
  argv: readonly string[],
  options: RunOptions = {},
): Promise<RunResult> {
  return run(inNetns(netns, argv), options);
}

export interface NodeNamespaces {
  readonly node: string;
  readonly labtool: string;
  /** The folder for what the node alone sees. */
  readonly dir: string;
  /** The control group that is the root of what the node sees; none for a node without containerd and kubelet. */
  readonly cgroup?: string;
}

/** Makes the namespaces of a node that {@link onNode} enters. Its network namespace is there already. */
export async function createNodeNamespaces({ node, labtool, dir, cgroup }: NodeNamespaces): Promise<void> {
  mkdirSync(dir, { recursive: true, mode: 0o755 });
  mkdirSync(NAMESPACES, { recursive: true });
  const hold = ['--', labtool, 'node', '-name', node, '-dir', dir];
  const [program = '', ...args] =
    cgroup === undefined
      ? ['unshare', '--mount', '--uts', ...hold]
      : [labtool, 'cgroup', cgroup, 'unshare', '--mount', '--uts', '--cgroup', ...hold, '-group', AGENTS_GROUP];
  const holder = spawn(program, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  // It says a line when all is set up.
  const [said] = (await Promise.race([once(holder.stdout, 'data'), once(holder, 'exit')])) as [unknown];
  if (holder.pid === undefined || !Buffer.isBuffer(said))
    throw new Error(`the namespaces of ${node} could not be made`);
  symlinkSync(`/proc/${holder.pid}/ns`, join(NAMESPACES, node));
}
