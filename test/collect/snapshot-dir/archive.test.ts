import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { gzipSync } from 'node:zlib';
import { pack } from 'tar-stream';
import type { Header } from 'tar-stream';
import { describe, expect, it } from 'vitest';
import { readSnapshot, SnapshotError } from '../../../src/collect/snapshot-dir/index.ts';
import type { SnapshotReading } from '../../../src/collect/snapshot-dir/index.ts';
import type { ReadLimits } from '../../../src/collect/snapshot-dir/read-limits.ts';

const LIST = JSON.stringify({ apiVersion: 'v1', kind: 'List', items: [] });
type Item = readonly [header: Partial<Header> & { name: string }, body?: string];

const MINIMAL: readonly Item[] = [
  [{ name: 'cluster/services.json' }, LIST],
  [{ name: 'cluster/endpoints.json' }, LIST],
  [{ name: 'cluster/nodes.json' }, LIST],
];

async function tar(items: readonly Item[]): Promise<Buffer> {
  const archive = pack();
  for (const [header, body] of items) {
    if (body === undefined) archive.entry(header);
    else archive.entry(header, body);
  }
  archive.finalize();
  return buffer(archive);
}

async function tgz(items: readonly Item[]): Promise<Buffer> {
  return gzipSync(await tar(items));
}

function read(bytes: Buffer, limits: Partial<ReadLimits> = {}, chunk = 700): Promise<SnapshotReading> {
  const chunks: Buffer[] = [];
  for (let at = 0; at < bytes.length; at += chunk) chunks.push(bytes.subarray(at, at + chunk));
  return readSnapshot('-', { stdin: Readable.from(chunks), limits });
}

async function refusal(bytes: Buffer, limits: Partial<ReadLimits> = {}): Promise<string> {
  const error: unknown = await read(bytes, limits).catch((failure: unknown) => failure);
  if (!(error instanceof SnapshotError)) throw new Error(`not refused: ${String(error)}`);
  return error.message;
}

describe('an archive', () => {
  it.each([1, 512, 1_000_000])('is read in chunks of %i bytes, packed or not', async (chunk) => {
    const items: Item[] = [
      ...MINIMAL,
      [{ name: 'nodes/n1/iptables-save' }, '*nat\nCOMMIT\n'],
      [{ name: 'nodes/n1/ip_vs' }, ''],
    ];
    for (const bytes of [await tar(items), await tgz(items)]) {
      const { snapshot, notes } = await read(bytes, {}, chunk);
      expect(notes).toEqual([]);
      expect([...(snapshot.nodes[0]?.files ?? [])]).toEqual([
        ['ip_vs', ''],
        ['iptables-save', '*nat\nCOMMIT\n'],
      ]);
    }
  });

  it('may have one folder around everything, `./`, and the leavings of macOS', async () => {
    const wrapped = MINIMAL.map(([header, body]): Item => [{ name: `./evidence/${header.name}` }, body ?? '']);
    const items: Item[] = [
      [{ name: './', type: 'directory' }],
      [{ name: './evidence/', type: 'directory' }],
      ...wrapped,
      [{ name: './._evidence' }, 'x'],
      [{ name: './evidence/._cluster' }, 'x'],
      [{ name: './evidence/nodes/n1/', type: 'directory' }],
    ];
    const { snapshot, notes } = await read(await tgz(items));
    expect(notes).toEqual([]);
    expect(snapshot.nodes).toEqual([{ name: 'n1', files: new Map() }]);
  });

  it('may be several gzip members', async () => {
    const bytes = await tar(MINIMAL);
    const joined = Buffer.concat([gzipSync(bytes.subarray(0, 1000)), gzipSync(bytes.subarray(1000))]);
    expect((await read(joined)).snapshot.cluster.size).toBe(3);
  });

  it('with long names is read', async () => {
    const name = `n${'x'.repeat(150)}`;
    const { snapshot } = await read(await tgz([...MINIMAL, [{ name: `nodes/${name}/iptables-save` }, 'a']]));
    expect(snapshot.nodes[0]?.name).toBe(name);
  });

  it.each([
    '../x',
    '/etc/passwd',
    'cluster/../../x',
    'C:\\x',
    '..\\x',
    'c:/x',
    'nodes/n1/..',
    `nodes/${'n'.repeat(1100)}/x`,
    'nodes/n\u0001/x',
  ])('with an entry %j is refused', async (name) => {
    const message = await refusal(await tgz([...MINIMAL, [{ name }, 'x']]));
    expect(message).toContain(JSON.stringify(name).slice(0, 60).replace(/"$/, ''));
    expect(message).toMatch(/not a path inside a snapshot|not the name of a node/);
  });

  it.each(['symlink', 'link', 'character-device', 'block-device', 'fifo'] as const)(
    'with a %s is refused',
    async (type) => {
      const item: Item = [{ name: 'nodes/n1/iptables-save', type, linkname: '/etc/shadow' }];
      expect(await refusal(await tgz([...MINIMAL, item]))).toContain(
        `entry "nodes/n1/iptables-save" is a ${type}, not a file`,
      );
    },
  );

  it('with a sparse file is refused', async () => {
    const bytes = await tar([...MINIMAL, [{ name: 'nodes/n1/iptables-save' }, 'x']]);
    const at = bytes.indexOf('nodes/n1/iptables-save');
    bytes.write('S', at + 156, 'latin1');
    bytes.write('        ', at + 148, 'latin1');
    const sum = bytes.subarray(at, at + 512).reduce((total, byte) => total + byte, 0);
    bytes.write(`${sum.toString(8).padStart(6, '0')}\0 `, at + 148, 'latin1');
    expect(await refusal(bytes)).toContain('is a file of an unknown type');
  });

  it('with the same entry twice is refused, by whatever spelling', async () => {
    const message = await refusal(await tgz([...MINIMAL, [{ name: './cluster//nodes.json' }, LIST]]));
    expect(message).toContain('cluster/nodes.json is there twice');
  });

  it('that is cut off anywhere is refused', async () => {
    const bytes = await tgz([...MINIMAL, [{ name: 'nodes/n1/iptables-save' }, 'abc'.repeat(999)]]);
    for (let length = 1; length < bytes.length; length += 7) {
      expect(await refusal(bytes.subarray(0, length))).toMatch(/cut off or damaged|neither a tar nor a gzip/);
    }
    const plain = await tar([...MINIMAL, [{ name: 'nodes/n1/iptables-save' }, 'abc'.repeat(999)]]);
    expect(await refusal(plain.subarray(0, 5000))).toContain('damaged after nodes/n1/iptables-save');
  });

  it('that is damaged is refused', async () => {
    const bytes = await tgz(MINIMAL);
    bytes[bytes.length - 6] = (bytes.at(-6) ?? 0) ^ 0xff;
    expect(await refusal(bytes)).toContain('damaged');
  });

  it.each([
    ['', 'standard input is empty'],
    ['PK\u0003\u0004zip', 'a zip archive'],
    ['hello', 'neither a tar nor a gzip file'],
  ])('that is %j is refused', async (text, message) => {
    expect(await refusal(Buffer.from(text, 'latin1'))).toContain(message);
  });

  it('of nothing is refused', async () => {
    expect(await refusal(await tgz([]))).toContain('is an empty archive');
  });

  it('that unpacks to too much is refused before it is unpacked', async () => {
    const zeros = '\0'.repeat(5_000_000);
    const bomb = await tgz([...MINIMAL, [{ name: 'nodes/n1/iptables-save' }, zeros]]);
    expect(await refusal(bomb, { ratioFrom: 100_000 })).toMatch(/bytes unpack to more than/);
    expect(await refusal(bomb, { fileBytes: 1_000_000 })).toContain('iptables-save has 5000000 bytes');
    expect(await refusal(bomb, { totalBytes: 2_000_000, fileBytes: 9_000_000 })).toMatch(/unpack to more|too large/);
    const many = await tgz([...MINIMAL, ...Array.from({ length: 50 }, (_, n): Item => [{ name: `junk/${n}` }, ''])]);
    expect(await refusal(many, { entries: 20 })).toContain('more than 20 entries');
  });

  it('whose header promises 100 GB is refused at once', async () => {
    const bytes = await tar(MINIMAL);
    const header = await tar([[{ name: 'nodes/n1/iptables-save' }, 'x']]);
    const lying = Buffer.from(header.subarray(0, 512));
    lying.write('        ', 148, 'latin1');
    lying.write('77777777777', 124, 'latin1');
    const sum = lying.reduce((total, byte) => total + byte, 0);
    lying.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
    const message = await refusal(gzipSync(Buffer.concat([bytes.subarray(0, bytes.length - 1024), lying])));
    expect(message).toContain('has 8589934591 bytes');
  });

  it('has unknown files named and left alone', async () => {
    const { notes } = await read(await tgz([...MINIMAL, [{ name: 'cluster/secrets.json' }, 'x']]));
    expect(notes).toEqual(['cluster/secrets.json is not part of a snapshot and was left alone']);
  });
});
