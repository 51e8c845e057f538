/** Commands inside a namespace of the lab. `ip netns exec` is avoided: it hides what is mounted below /sys. */
import { run } from './process.ts';
import type { RunOptions, RunResult } from './process.ts';

/** argv that runs in the named network namespace. Without a name: in the control plane's, the supervisor's own. */
export function inNetns(netns: string | undefined, argv: readonly string[]): string[] {
  return netns === undefined ? [...argv] : ['nsenter', `--net=/run/netns/${netns}`, '--', ...argv];
}

/** argv that also sees the node's name as its host name. */
export function onNode(node: string, labtool: string, argv: readonly string[]): string[] {
  return inNetns(node, ['unshare', '--uts', '--', labtool, 'hostname', node, ...argv]);
}

export function runIn(
  netns: string | undefined,
  argv: readonly string[],
  options: RunOptions = {},
): Promise<RunResult> {
  return run(inNetns(netns, argv), options);
}
