import { lstat, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Dirent } from 'node:fs';
import type { SnapshotFiles } from './files.ts';
import { CLUSTER_FOLDER, isHidden, NODES_FOLDER, placeOf, requireNodeName } from './layout.ts';
import { ReadBudget } from './read-limits.ts';
import type { ReadLimits } from './read-limits.ts';
import { fileError, SnapshotError } from './snapshot-error.ts';

/**
 * Reads a snapshot folder. Looks only where the format has files, so that a wrong path does not read a disk.
 * @throws SnapshotError for links, devices, unreadable files and too large ones, naming them
 */
export async function readFolder(root: string, limits: ReadLimits): Promise<SnapshotFiles> {
  const budget = new ReadBudget(root, limits);
  const files = new Map<string, Buffer>();
  const nodes = new Set<string>();
  const unknown: string[] = [];
  const pending = [''];
  for (let folder = pending.pop(); folder !== undefined; folder = pending.pop()) {
    for (const entry of await entriesOf(join(root, folder))) {
      const path = folder === '' ? entry.name : `${folder}/${entry.name}`;
      if (isHidden(entry.name)) continue;
      if (entry.isDirectory()) {
        if (isNodeFolder(path)) nodes.add(entry.name);
        if (isOfFormat(path)) pending.push(path);
        else unknown.push(`${path}/`);
      } else if (placeOf(path).kind === 'unknown') {
        unknown.push(path);
      } else {
        files.set(path, await readOne(join(root, path), budget));
      }
    }
  }
  return { files, nodes, unknown: unknown.sort() };
}

async function entriesOf(folder: string): Promise<Dirent[]> {
  try {
    return await readdir(folder, { withFileTypes: true });
  } catch (error) {
    throw fileError(folder, 'read', error);
  }
}

function isOfFormat(path: string): boolean {
  return path === CLUSTER_FOLDER || path === NODES_FOLDER || isNodeFolder(path);
}

function isNodeFolder(path: string): boolean {
  const [folder, name, ...more] = path.split('/');
  if (folder !== NODES_FOLDER || name === undefined || more.length > 0) return false;
  requireNodeName(name);
  return true;
}

async function readOne(path: string, budget: ReadBudget): Promise<Buffer> {
  try {
    const stats = await lstat(path);
    if (!stats.isFile()) {
      const what = stats.isSymbolicLink() ? 'a link' : 'not a file';
      throw new SnapshotError(`${path} is ${what}`, 'Put a copy of the file itself there.');
    }
    budget.add(path, stats.size);
    return await readFile(path);
  } catch (error) {
    if (error instanceof SnapshotError) throw error;
    throw fileError(path, 'read', error);
  }
}
