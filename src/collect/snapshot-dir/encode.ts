import type { Snapshot } from '../../model/snapshot.ts';
import { CLUSTER_FOLDER, MANIFEST, NODES_FOLDER, requireNodeName } from './layout.ts';
import { SnapshotError } from './snapshot-error.ts';

/** The folders and files of a snapshot, sorted, folders before what is in them. Equal snapshots give equal bytes. */
export interface EncodedSnapshot {
  /** Paths, `/` in between. */
  readonly folders: readonly string[];
  readonly files: ReadonlyMap<string, Buffer>;
  /** When the snapshot was finished; the beginning of 1970 for one made by hand. */
  readonly time: Date;
}

/** @throws SnapshotError for a node name that could not be read back */
export function encodeSnapshot(snapshot: Snapshot): EncodedSnapshot {
  const files = new Map<string, Buffer>();
  const { manifest } = snapshot;
  for (const [name, value] of sorted(snapshot.cluster)) files.set(`${CLUSTER_FOLDER}/${name}.json`, encodeJson(value));
  const nodes = [...snapshot.nodes].sort((a, b) => (a.name < b.name ? -1 : 1));
  const folders = [CLUSTER_FOLDER, NODES_FOLDER];
  for (const { name, files: texts } of nodes) {
    requireNodeName(name);
    const folder = `${NODES_FOLDER}/${name}`;
    if (folders.includes(folder))
      throw new SnapshotError(`node ${name} is there twice`, 'This is a bug: please report it.');
    folders.push(folder);
    for (const [file, text] of sorted(texts)) files.set(`${folder}/${file}`, Buffer.from(text, 'utf8'));
  }
  if (manifest !== null) files.set(MANIFEST, encodeJson(manifest));
  return { folders, files, time: new Date(manifest === null ? 0 : Date.parse(manifest.finishedAt)) };
}

function sorted<K extends string, V>(map: ReadonlyMap<K, V>): [K, V][] {
  return [...map].sort(([a], [b]) => (a < b ? -1 : 1));
}

function encodeJson(value: unknown): Buffer {
  return Buffer.from(`${JSON.stringify(value, null, 2)}\n`, 'utf8');
}
