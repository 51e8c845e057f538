import { Readable, Transform, type TransformCallback } from 'node:stream';
import { createGunzip } from 'node:zlib';
import type { ReadLimits } from './read-limits.ts';
import { COPY_AGAIN, fileError, SnapshotError } from './snapshot-error.ts';

/**
 * The steps from a file to a tar stream: the bytes as they are, or through gunzip, by what they begin with. To be put into a
 * pipeline in this order.
 * @throws SnapshotError for what is neither; the last step fails with one when it unpacks to too much
 */
export async function openTar(
  input: Readable,
  source: string,
  limits: ReadLimits,
): Promise<[Readable, ...Transform[]]> {
  const chunks: AsyncIterator<unknown> = input[Symbol.asyncIterator]();
  const head = await firstBytes(chunks, source);
  if (head.length === 0) throw new SnapshotError(`${source} is empty`, 'Collect the snapshot again.');
  const meter = { packed: 0 };
  const bytes = Readable.from(whole(head, chunks, meter), { objectMode: false });
  const end = new EndGuard();
  if (head[0] === 0x1f && head[1] === 0x8b) {
    const gunzip = createGunzip();
    return [bytes, gunzip, bombGuard(source, limits, meter, gunzip), end];
  }
  if (head.subarray(257, 262).toString('latin1') === 'ustar') return [bytes, end];
  bytes.destroy();
  throw notAnArchive(head, source);
}

/** As many bytes as tell a tar from anything else, or all there are. */
async function firstBytes(chunks: AsyncIterator<unknown>, source: string): Promise<Buffer> {
  let head = Buffer.alloc(0);
  try {
    while (head.length < 512) {
      const { done, value } = await chunks.next();
      if (done === true) break;
      head = Buffer.concat([head, toBytes(value)]);
    }
  } catch (error) {
    throw fileError(source, 'read', error);
  }
  return head;
}

async function* whole(head: Buffer, rest: AsyncIterator<unknown>, meter: { packed: number }): AsyncGenerator<Buffer> {
  meter.packed += head.length;
  yield head;
  for (;;) {
    const { done, value } = await rest.next();
    if (done === true) return;
    const bytes = toBytes(value);
    meter.packed += bytes.length;
    yield bytes;
  }
}

function toBytes(chunk: unknown): Buffer {
  return chunk instanceof Uint8Array ? Buffer.from(chunk) : Buffer.from(String(chunk));
}

/** Two blocks of nothing: without them a tar that was cut off between two entries looks whole. */
const END_BYTES = 1024;

/** Fails when what passes does not end as a tar does. */
class EndGuard extends Transform {
  #zeros = 0;

  override _transform(chunk: Buffer, _encoding: string, done: TransformCallback): void {
    const last = chunk.findLastIndex((byte) => byte !== 0);
    this.#zeros = last === -1 ? this.#zeros + chunk.length : chunk.length - 1 - last;
    done(null, chunk);
  }

  override _flush(done: TransformCallback): void {
    done(this.#zeros < END_BYTES ? new Error('it does not end as an archive does') : null);
  }
}

/** Fails as soon as more comes out than any snapshot would hold, and when gunzip left something alone. */
function bombGuard(
  source: string,
  limits: ReadLimits,
  meter: { readonly packed: number },
  gunzip: { readonly bytesWritten: number },
): Transform {
  let size = 0;
  return new Transform({
    flush(done) {
      const isWhole = gunzip.bytesWritten === meter.packed;
      done(isWhole ? null : new SnapshotError(`${source} has something behind its end`, COPY_AGAIN));
    },
    transform(chunk: Buffer, _encoding, done) {
      size += chunk.length;
      const isBomb = size > limits.totalBytes || (size > limits.ratioFrom && size > meter.packed * limits.ratio);
      if (!isBomb) return done(null, chunk);
      const message = `${source} is refused: ${meter.packed} bytes unpack to more than ${size}`;
      return done(new SnapshotError(message, 'This is no snapshot; if it is one, unpack it and give the folder.'));
    },
  });
}

const MAGIC: readonly (readonly [hex: string, what: string])[] = [
  ['504b0304', 'a zip archive'],
  ['28b52ffd', 'a zstd file'],
  ['fd377a58', 'an xz file'],
  ['425a68', 'a bzip2 file'],
];

function notAnArchive(head: Buffer, source: string): SnapshotError {
  const start = head.subarray(0, 4).toString('hex');
  const what = MAGIC.find(([hex]) => start.startsWith(hex))?.[1] ?? 'neither a tar nor a gzip file';
  return new SnapshotError(`${source} is ${what}, not a snapshot`, 'A snapshot is a folder, a .tar.gz or a .tar.');
}
