import { CLUSTER_FILES, NODE_FILES } from '../../model/snapshot.ts';
import type { ClusterFile, NodeFile } from '../../model/snapshot.ts';
import { SnapshotError } from './snapshot-error.ts';

/** Where things are in a snapshot folder. Paths have `/` in between, on every system. */

export const MANIFEST = 'snapshot.json';
export const CLUSTER_FOLDER = 'cluster';
export const NODES_FOLDER = 'nodes';

/** What a path of a snapshot is. */
export type Place =
  | { readonly kind: 'manifest' }
  | { readonly kind: 'cluster'; readonly file: ClusterFile }
  | { readonly kind: 'node'; readonly node: string; readonly file: NodeFile }
  /** Not of this format: left alone, and said so. */
  | { readonly kind: 'unknown' };

/** @throws SnapshotError for a node folder whose name no node can have */
export function placeOf(path: string): Place {
  const [folder, name, file, ...more] = path.split('/');
  if (path === MANIFEST) return { kind: 'manifest' };
  if (folder === CLUSTER_FOLDER && name !== undefined && file === undefined) {
    const found = CLUSTER_FILES.find((known) => `${known}.json` === name);
    if (found !== undefined) return { kind: 'cluster', file: found };
  }
  if (folder === NODES_FOLDER && name !== undefined && file !== undefined && more.length === 0 && !isHidden(name)) {
    requireNodeName(name);
    const found = NODE_FILES.find((known) => known === file);
    if (found !== undefined) return { kind: 'node', node: name, file: found };
  }
  return { kind: 'unknown' };
}

/** `.DS_Store`, `._services.json` and the like: left by file managers and macOS' tar. */
export function isHidden(name: string): boolean {
  return name.startsWith('.');
}

/** @throws SnapshotError unless the name is one a node can have; a little wider than the API, for old clusters */
export function requireNodeName(name: string): void {
  if (isNodeName(name)) return;
  throw new SnapshotError(
    `${NODES_FOLDER}/${JSON.stringify(name)} is not the name of a node`,
    `Each folder in ${NODES_FOLDER}/ has the name of a node as \`kubectl get nodes\` shows it.`,
  );
}

export function isNodeName(name: string): boolean {
  return /^[A-Za-z0-9_][A-Za-z0-9._-]{0,252}$/.test(name);
}
