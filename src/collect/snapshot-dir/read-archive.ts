import { pipeline } from 'node:stream';
import type { Readable } from 'node:stream';
import { extract } from 'tar-stream';
import type { Header } from 'tar-stream';
import type { SnapshotFiles } from './files.ts';
import { isHidden, NODES_FOLDER, placeOf, requireNodeName } from './layout.ts';
import { openTar } from './open-tar.ts';
import { ReadBudget } from './read-limits.ts';
import type { ReadLimits } from './read-limits.ts';
import { COPY_AGAIN, SnapshotError } from './snapshot-error.ts';

/** One entry of an archive, its path checked. */
interface Unpacked {
  readonly path: string;
  /** null: a folder. */
  readonly bytes: Buffer | null;
}

/**
 * Reads a snapshot from a .tar or .tar.gz stream, in memory: nothing is ever unpacked to disk. One folder around
 * everything is tolerated.
 * @throws SnapshotError, naming the entry, for a path that leads out, a link, a device, a path twice, too much, a broken archive
 */
export async function readArchive(input: Readable, source: string, limits: ReadLimits): Promise<SnapshotFiles> {
  const unpacked = withoutTopFolder(await unpack(input, source, limits));
  const files = new Map<string, Buffer>();
  const nodes = new Set<string>();
  const unknown: string[] = [];
  for (const { path, bytes } of unpacked) {
    const [folder, node] = path.split('/');
    if (path.split('/').some(isHidden)) continue;
    if (folder === NODES_FOLDER && node !== undefined && (bytes === null || path !== `${folder}/${node}`)) {
      requireNodeName(node);
      nodes.add(node);
    }
    if (bytes === null) continue;
    if (placeOf(path).kind === 'unknown') unknown.push(path);
    else files.set(path, bytes);
  }
  return { files, nodes, unknown: unknown.sort() };
}

async function unpack(input: Readable, source: string, limits: ReadLimits): Promise<Unpacked[]> {
  const entries = new Map<string, Unpacked>();
  const budget = new ReadBudget(source, limits);
  const archive = extract();
  let last = 'the beginning';
  // Its errors arrive in the loop below, which ends the other steps when it ends early.
  pipeline([...(await openTar(input, source, limits)), archive], () => undefined);
  try {
    for await (const entry of archive) {
      const { header } = entry;
      const path = checkedPath(header, source);
      last = path;
      budget.add(path, header.size ?? 0);
      const bytes = header.type === 'directory' ? null : await bytesOf(entry);
      if (bytes === null) entry.resume();
      else if (entries.has(path)) throw refused(source, path, 'is there twice');
      if (!entries.has(path)) entries.set(path, { path, bytes });
    }
  } catch (error) {
    if (error instanceof SnapshotError) throw error;
    throw broken(source, last, error);
  } finally {
    input.destroy();
  }
  if (entries.size === 0) throw new SnapshotError(`${source} is an empty archive`, 'Collect the snapshot again.');
  return [...entries.values()];
}

async function bytesOf(entry: AsyncIterable<unknown>): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of entry) if (chunk instanceof Uint8Array) chunks.push(Buffer.from(chunk));
  return Buffer.concat(chunks);
}

const FILE_TYPES = new Set(['file', 'contiguous-file', 'directory']);

function checkedPath(header: Header, source: string): string {
  const { name } = header;
  const shown = JSON.stringify(name.length > 200 ? `${name.slice(0, 200)}…` : name);
  const odd = /[\p{Cc}\\]/u.test(name) || name.length > 1024 || /^[A-Za-z]:/.test(name) || name.startsWith('/');
  const parts = name.split('/').filter((part) => part !== '' && part !== '.');
  if (odd || parts.includes('..')) throw refused(source, shown, 'is not a path inside a snapshot');
  const type = typeOf(header);
  if (!FILE_TYPES.has(type)) throw refused(source, shown, `is a ${type}, not a file`);
  if (parts.length === 0 && type !== 'directory') throw refused(source, shown, 'is not a path inside a snapshot');
  return parts.join('/');
}

/** What a header says of the file. The library has no word for the types it does not know, old sparse files among them. */
function typeOf({ type, pax }: Header): string {
  const extended = Object.entries(pax ?? {});
  if (extended.some(([key]) => key.startsWith('GNU.sparse.'))) return 'sparse file';
  if (extended.some(([key, value]) => key === 'size' && !/^\d+$/.test(value))) return 'file of no size';
  return type ?? 'file of an unknown type';
}

function refused(source: string, entry: string, why: string): SnapshotError {
  return new SnapshotError(
    `${source}: entry ${entry} ${why}`,
    'Do not trust this archive; collect the snapshot again.',
  );
}

function broken(source: string, last: string, error: unknown): SnapshotError {
  const why = error instanceof Error ? error.message : String(error);
  return new SnapshotError(`${source} is cut off or damaged after ${last}: ${why}`, COPY_AGAIN, { cause: error });
}

/** `evidence/cluster/services.json` → `cluster/services.json`, when everything is in that one folder. */
function withoutTopFolder(entries: readonly Unpacked[]): readonly Unpacked[] {
  const visible = entries.filter(({ path }) => path !== '' && !isHidden(path));
  const tops = new Set(visible.map(({ path }) => path.split('/')[0] ?? ''));
  const [top] = tops;
  const isLayout = tops.has('cluster') || tops.has(NODES_FOLDER) || tops.has('snapshot.json');
  if (tops.size !== 1 || top === undefined || isLayout) return visible;
  return visible
    .map(({ path, bytes }) => ({ path: path.slice(top.length + 1), bytes }))
    .filter(({ path }) => path !== '');
}
