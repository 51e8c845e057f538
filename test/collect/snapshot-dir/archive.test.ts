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

function manifest(nodes: string): string {
  const time = '2026-01-01T00:00:00Z';
  const scope = '{"namespace":null,"services":null,"selector":null}';
  return `{"formatVersion":1,"tool":"x","toolVersion":"1","startedAt":"${time}","finishedAt":"${time}","context":null,"server":null,"scope":${scope},"parts":[],"nodes":[${nodes}]}`;
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

  it.each([
    ['something else', Buffer.from('something else')],
    ['zeros, which a gzip program would skip', Buffer.alloc(700)],
    ['a zero and something else', Buffer.from('\0something else')],
    ['another gzip file of no tar', gzipSync('something else')],
  ])('with %s behind its end is refused', async (_, garbage) => {
    const bytes = Buffer.concat([await tgz(MINIMAL), garbage]);
    for (const chunk of [1, 700, 1_000_000]) {
      const error: unknown = await read(bytes, {}, chunk).catch((failure: unknown) => failure);
      expect(String(error)).toMatch(/cut off or damaged|behind its end/);
    }
  });

  it('that is no gzip file, with something behind its end, is refused', async () => {
    const bytes = await tar(MINIMAL);
    expect(await refusal(Buffer.concat([bytes, Buffer.from('x')]))).toContain('does not end as an archive does');
    expect(await refusal(Buffer.concat([bytes, await tar(MINIMAL)]))).toMatch(/is there twice/);
    expect((await read(Buffer.concat([bytes, Buffer.alloc(8192)]))).snapshot.cluster.size).toBe(3);
  });

  it('that is cut off between two entries is refused, packed or not', async () => {
    const bytes = await tar([...MINIMAL, [{ name: 'nodes/n1/iptables-save' }, 'x']]);
    const last = bytes.indexOf('nodes/n1/iptables-save');
    for (const cut of [
      bytes.subarray(0, last),
      bytes.subarray(0, last + 1024),
      bytes.subarray(0, bytes.length - 512),
    ]) {
      expect(await refusal(cut)).toContain('does not end as an archive does');
      expect(await refusal(gzipSync(cut))).toContain('does not end as an archive does');
    }
  });

  it.each([
    ['path', '../x', 'is not a path inside a snapshot'],
    ['path', '/etc/x', 'is not a path inside a snapshot'],
    ['path', 'nodes/n1/ip_vs', 'is there twice'],
    ['size', '99999999999999999999', 'has 100000000000000000000 bytes'],
    ['size', '1e30', 'is a file of no size, not a file'],
    ['size', '-1', 'cut off or damaged'],
    ['GNU.sparse.major', '1', 'is a sparse file, not a file'],
  ])('whose extended header says %s=%s is refused', async (key, value, message) => {
    const bytes = await tar([
      ...MINIMAL,
      [{ name: 'nodes/n1/ip_vs' }, 'x'],
      [{ name: 'nodes/n1/ipset-save', pax: { [key]: value } }, 'x'],
    ]);
    expect(await refusal(bytes)).toContain(message);
  });

  it.each([
    ['of 2^62 bytes', '80000000000000004000000000000000', /bytes, the limit is|cut off or damaged/],
    ['of -1 byte', 'ffffffffffffffffffffffffffffffff', /cut off or damaged/],
    ['that is no number', Buffer.from('999999999999').toString('hex'), /cut off or damaged/],
  ])('whose header has a size %s is refused', async (_, hex, message) => {
    const bytes = await tar([...MINIMAL, [{ name: 'nodes/n1/iptables-save' }, 'x']]);
    const at = bytes.indexOf('nodes/n1/iptables-save');
    Buffer.from(hex, 'hex').copy(bytes, at + 124, 0, 12);
    bytes.write('        ', at + 148, 'latin1');
    const sum = bytes.subarray(at, at + 512).reduce((total, byte) => total + byte, 0);
    bytes.write(`${sum.toString(8).padStart(6, '0')}\0 `, at + 148, 'latin1');
    expect(await refusal(bytes)).toMatch(message);
  });

  it.each([
    ['durationMs', '1e999', 'a number'],
    ['durationMs', '"1"', 'a number'],
    ['code', '{"a":'.repeat(100_000) + '1' + '}'.repeat(100_000), 'a number, found an object'],
  ])('whose manifest has an absurd %s is refused', async (key, value, message) => {
    const time = '2026-01-01T00:00:00Z';
    const fields = { argv: '[]', code: '0', stderr: '""', file: 'null', durationMs: '1', [key]: value };
    const command = Object.entries(fields).map(([name, text]) => `"${name}":${text}`);
    const node = `{"name":"n1","via":"ssh","client":"x","startedAt":"${time}","finishedAt":"${time}","failure":null,"commands":[{${command.join()}}]}`;
    expect(await refusal(await tgz([...MINIMAL, [{ name: 'snapshot.json' }, manifest(node)]]))).toContain(
      `snapshot.json, nodes[0].commands[0].${key}: expected ${message}`,
    );
  });

  it.each([
    ['../n1', 'the name of a node'],
    ['n\u001b[31m', 'the name of a node'],
    ['n1', 'a node that is not there yet'],
  ])('whose manifest has node %j is refused', async (name, message) => {
    const time = '2026-01-01T00:00:00Z';
    const node = (of: string): string =>
      JSON.stringify({
        name: of,
        via: 'ssh',
        client: 'x',
        startedAt: time,
        finishedAt: time,
        failure: null,
        commands: [],
      });
    const text = manifest(`${node('n1')},${node(name)}`);
    expect(await refusal(await tgz([...MINIMAL, [{ name: 'snapshot.json' }, text]]))).toContain(
      `snapshot.json, nodes[1].name: expected ${message}`,
    );
  });

  it('has unknown files named and left alone', async () => {
    const { notes } = await read(await tgz([...MINIMAL, [{ name: 'cluster/secrets.json' }, 'x']]));
    expect(notes).toEqual(['cluster/secrets.json is not part of a snapshot and was left alone']);
  });
});
