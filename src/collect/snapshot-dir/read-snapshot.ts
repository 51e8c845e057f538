import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import type { ClusterFile, NodeEvidence, NodeFile, Snapshot, SnapshotManifest } from '../../model/snapshot.ts';
import { CLUSTER_FOLDER, NODES_FOLDER, placeOf, MANIFEST } from './layout.ts';
import { decodeSave } from './decode-save.ts';
import type { SnapshotFiles } from './files.ts';
import { readArchive } from './read-archive.ts';
import { readClusterFile } from './read-cluster-file.ts';
import { readFolder } from './read-folder.ts';
import { howToSave } from './read-json.ts';
import { READ_LIMITS } from './read-limits.ts';
import type { ReadLimits } from './read-limits.ts';
import { readManifest } from './read-manifest.ts';
import { fileError, SnapshotError } from './snapshot-error.ts';

/** A snapshot, and what was noticed in reading it. */
export interface SnapshotReading {
  readonly snapshot: Snapshot;
  /** For people, one line each: files that were left alone, files that the manifest names and that are not there. */
  readonly notes: readonly string[];
}

export interface ReadSnapshotOptions {
  readonly limits?: Partial<ReadLimits>;
  /** What `-` reads. */
  readonly stdin?: Readable;
}

/**
 * Reads a snapshot: a folder, a .tar.gz or .tar file (by its content, whatever its name), or `-` for one of the latter on
 * standard input. A folder made by hand needs `cluster/services.json`, `cluster/nodes.json` and one of
 * `cluster/endpointslices.json` and `cluster/endpoints.json`.
 * @throws SnapshotError, naming the file and what to do
 */
export async function readSnapshot(path: string, options: ReadSnapshotOptions = {}): Promise<SnapshotReading> {
  const limits = { ...READ_LIMITS, ...options.limits };
  if (path === '-') {
    return assemble(await readArchive(options.stdin ?? process.stdin, 'standard input', limits), 'standard input');
  }
  const stats = await stat(path).catch((error: unknown) => {
    throw fileError(path, 'read', error);
  });
  if (stats.isDirectory()) return assemble(await readFolder(path, limits), path);
  if (!stats.isFile() && !stats.isFIFO())
    throw new SnapshotError(`${path} is neither a folder nor a file`, `ls -l ${path}`);
  return assemble(await readArchive(createReadStream(path), path, limits), path);
}

function assemble(read: SnapshotFiles, source: string): SnapshotReading {
  const cluster = new Map<ClusterFile, unknown>();
  const nodes = new Map<string, Map<NodeFile, string>>([...read.nodes].sort().map((name) => [name, new Map()]));
  let manifest: SnapshotManifest | null = null;
  requireFiles(read, source);
  for (const [path, bytes] of [...read.files].sort(([a], [b]) => (a < b ? -1 : 1))) {
    const place = placeOf(path);
    if (place.kind === 'manifest') manifest = readManifest(bytes);
    else if (place.kind === 'cluster') cluster.set(place.file, readClusterFile(place.file, path, bytes));
    // A file of no bytes is an answer too: this back end has no rules.
    else if (place.kind === 'node') nodes.get(place.node)?.set(place.file, decodeAndRelease(bytes));
  }
  const evidence: NodeEvidence[] = [...nodes].map(([name, files]) => ({ name, files }));
  const notes = read.unknown.map((path) => `${path} is not part of a snapshot and was left alone`);
  if (manifest !== null) notes.push(...differences(manifest, nodes));
  return { snapshot: { manifest, cluster, nodes: evidence }, notes };
}

function requireFiles(read: SnapshotFiles, source: string): void {
  const has = (file: ClusterFile): boolean => read.files.has(`${CLUSTER_FOLDER}/${file}.json`);
  const missing = (file: ClusterFile, words: string): SnapshotError =>
    new SnapshotError(`${source}: ${words} missing`, howToSave(`${CLUSTER_FOLDER}/${file}.json`));
  if (!has('services')) throw missing('services', `${CLUSTER_FOLDER}/services.json is`);
  if (!has('nodes')) throw missing('nodes', `${CLUSTER_FOLDER}/nodes.json is`);
  if (!has('endpointslices') && !has('endpoints')) {
    const words = `${CLUSTER_FOLDER}/endpointslices.json and ${CLUSTER_FOLDER}/endpoints.json are both`;
    throw missing('endpointslices', words);
  }
}

/** What the manifest says that the files do not bear out. */
function differences(manifest: SnapshotManifest, nodes: ReadonlyMap<string, ReadonlyMap<NodeFile, string>>): string[] {
  const notes: string[] = [];
  const listed = new Set(manifest.nodes.map(({ name }) => name));
  for (const name of nodes.keys()) {
    if (!listed.has(name)) notes.push(`${NODES_FOLDER}/${name}/ is not in ${MANIFEST}: how it was read is not known`);
  }
  for (const { name, commands } of manifest.nodes) {
    for (const { file } of commands) {
      if (file !== null && nodes.get(name)?.has(file) !== true) {
        notes.push(`${NODES_FOLDER}/${name}/${file} is in ${MANIFEST} but not in the snapshot: it counts as not read`);
      }
    }
  }
  return notes;
}

const LARGE = 1024 * 1024;

/** Gives the bytes of a large save back at once: until the collector looks they would count twice. */
function decodeAndRelease(bytes: Buffer): string {
  const text = decodeSave(bytes);
  const { buffer } = bytes;
  const isWhole = bytes.byteLength === buffer.byteLength && bytes.byteLength > LARGE;
  if (isWhole && buffer instanceof ArrayBuffer) buffer.transfer(0);
  return text;
}
