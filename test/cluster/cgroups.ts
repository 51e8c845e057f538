/**
 * The control groups of a full lab. Each lab has one group in every hierarchy of the machine, with one for each node in it, which
 * is the root of what the node sees below /sys/fs/cgroup. Groups are the only thing of a lab that the kernel does not
 * end with its processes: whoever keeps the lab removes them.
 */
import { existsSync, readFileSync, readdirSync, rmdirSync } from 'node:fs';
import { basename, join } from 'node:path';

const ROOT = '/sys/fs/cgroup';
const PREFIX = 'svcdoctor-lab-';

/** Where containerd and the kubelet are, as the node sees it. Not in the root: version 2 forbids that. */
export const AGENTS_GROUP = '/agents';

/** By the lab's folder, so that neither is ever anybody else's. */
export function labCgroup(dir: string): string {
  return `${PREFIX}${basename(dir)}`;
}

/** The groups of the labs in this folder that have none of these folders any more, nor a process. */
export function removeOrphanedCgroups(isLab: (name: string) => boolean): void {
  for (const base of hierarchies()) {
    for (const name of list(base)) {
      const path = join(base, name);
      if (name.startsWith(PREFIX) && !isLab(name.slice(PREFIX.length)) && isEmpty(path)) removeTree(path);
    }
  }
}

/** The lab's processes have ended. */
export function removeCgroups(dir: string): void {
  for (const base of hierarchies()) removeTree(join(base, labCgroup(dir)));
}

/** The folders of all hierarchies: one of version 2, several of version 1. */
export function hierarchies(): string[] {
  if (existsSync(join(ROOT, 'cgroup.procs'))) return [ROOT];
  return list(ROOT).map((name) => join(ROOT, name));
}

function isEmpty(path: string): boolean {
  const procs = join(path, 'cgroup.procs');
  if (existsSync(procs) && readFileSync(procs, 'utf8') !== '') return false;
  return list(path).every((name) => isEmpty(join(path, name)));
}

/** From the innermost outwards. A group that still has a process stays, with those above it. */
function removeTree(path: string): void {
  if (!existsSync(path)) return;
  for (const name of list(path)) removeTree(join(path, name));
  try {
    rmdirSync(path);
  } catch {
    // Busy, or removed by another keeper.
  }
}

function list(folder: string): string[] {
  try {
    return readdirSync(folder, { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map((entry) => entry.name);
  } catch {
    return [];
  }
}
