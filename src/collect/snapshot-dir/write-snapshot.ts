import { randomBytes } from 'node:crypto';
import { constants, createWriteStream } from 'node:fs';
import { access, mkdir, open, readdir, rename, rm, rmdir, stat, writeFile } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import { pack } from 'tar-stream';
import type { Snapshot } from '../../model/snapshot.ts';
import { encodeSnapshot } from './encode.ts';
import type { EncodedSnapshot } from './encode.ts';
import { fileError, SnapshotError } from './snapshot-error.ts';

/** Only the person who collected it may read it: it shows a network from the inside. */
const FILE_MODE = 0o600;
const FOLDER_MODE = 0o700;

/**
 * Writes a snapshot: a .tar.gz, .tgz or .tar by the path's ending, else a folder. All of it appears at once, under its final
 * name, or nothing does. An archive replaces an older one; a folder that has something in it is never touched.
 * @throws SnapshotError when it cannot be written
 */
export async function writeSnapshot(snapshot: Snapshot, path: string): Promise<void> {
  const encoded = encodeSnapshot(snapshot);
  const target = resolve(path);
  const temporary = join(dirname(target), `.${basename(target)}.${randomBytes(6).toString('hex')}.tmp`);
  try {
    if (isArchive(path)) {
      await requireNoFolder(target, path);
      await writeArchive(encoded, temporary, !path.endsWith('.tar'));
    } else {
      await requireEmpty(target, path);
      await writeFolder(encoded, temporary);
      // Not every system renames onto a folder, not even onto an empty one.
      await rmdir(target).catch(() => undefined);
    }
    await rename(temporary, target);
  } catch (error) {
    await rm(temporary, { recursive: true, force: true });
    if (error instanceof SnapshotError) throw error;
    throw fileError(path, 'write', error);
  }
}

/**
 * Whether {@link writeSnapshot} may write there, as far as that can be told beforehand: nobody should look at a whole
 * cluster to hear it afterwards.
 * @throws SnapshotError when it cannot be written
 */
export async function requireWritable(path: string): Promise<void> {
  const target = resolve(path);
  await (isArchive(path) ? requireNoFolder(target, path) : requireEmpty(target, path));
  try {
    await access(dirname(target), constants.W_OK | constants.X_OK);
  } catch (error) {
    throw fileError(path, 'write', error);
  }
}

/** True for a path that {@link writeSnapshot} writes as an archive. */
export function isArchive(path: string): boolean {
  return /\.(tar\.gz|tgz|tar)$/.test(path);
}

async function requireNoFolder(target: string, path: string): Promise<void> {
  const stats = await stat(target).catch(() => null);
  if (stats?.isDirectory())
    throw new SnapshotError(`${path} is a folder`, 'Give the name of a file, or a folder name without .tar.gz.');
}

async function requireEmpty(target: string, path: string): Promise<void> {
  const stats = await stat(target).catch(() => null);
  if (stats === null) return;
  if (!stats.isDirectory()) throw new SnapshotError(`${path} exists and is not a folder`, 'Give another name.');
  if ((await readdir(target)).length > 0)
    throw new SnapshotError(`${path} is not empty`, 'Give another name, or remove it.');
}

async function writeFolder({ folders, files }: EncodedSnapshot, root: string): Promise<void> {
  for (const folder of ['', ...folders]) await mkdir(join(root, folder), { mode: FOLDER_MODE });
  for (const [path, bytes] of files)
    await writeFile(join(root, path), bytes, { mode: FILE_MODE, flag: 'wx', flush: true });
}

async function writeArchive(encoded: EncodedSnapshot, path: string, compress: boolean): Promise<void> {
  const tar = Readable.from(tarOf(encoded), { objectMode: false });
  const file = createWriteStream(path, { mode: FILE_MODE, flags: 'wx' });
  await (compress ? pipeline(tar, createGzip(), file) : pipeline(tar, file));
  const handle = await open(path, 'r+');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** The bytes of the tar: no names, ids or times of the machine it is written on. */
async function* tarOf({ folders, files, time }: EncodedSnapshot): AsyncGenerator<Buffer> {
  const tar = pack();
  const common = { mtime: time, uid: 0, gid: 0, uname: '', gname: '' };
  const add = async (): Promise<void> => {
    for (const name of folders) tar.entry({ ...common, name: `${name}/`, type: 'directory', mode: FOLDER_MODE });
    for (const [name, bytes] of files) {
      await new Promise<void>((done, fail) => {
        tar.entry({ ...common, name, type: 'file', mode: FILE_MODE }, bytes, (error) => (error ? fail(error) : done()));
      });
    }
    tar.finalize();
  };
  add().catch((error: unknown) => tar.destroy(error instanceof Error ? error : new Error(String(error))));
  for await (const chunk of tar) if (chunk instanceof Uint8Array) yield Buffer.from(chunk);
}
