import { mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { createReadStream } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { extract } from 'tar-stream';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { decodeSave, readSnapshot, SnapshotError, writeSnapshot } from '../../../src/collect/snapshot-dir/index.ts';
import { CLUSTER_FILES, NODE_FILES } from '../../../src/model/snapshot.ts';
import type { ClusterFile, NodeFile, Snapshot, SnapshotManifest } from '../../../src/model/snapshot.ts';

const recordings = join(import.meta.dirname, '../../fixtures/recordings');

let scratch: string;
beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'svcdoctor-snapshot-'));
});
afterAll(() => rm(scratch, { recursive: true, force: true }));

let next = 0;
function fresh(ending = ''): string {
  next += 1;
  return join(scratch, `s${next}${ending}`);
}

const LIST = { apiVersion: 'v1', kind: 'List', metadata: { resourceVersion: '' }, items: [] };

const MANIFEST: SnapshotManifest = {
  formatVersion: 1,
  tool: 'kubectl-svcdoctor',
  toolVersion: '0.1.0',
  startedAt: '2026-11-23T10:00:00.000Z',
  finishedAt: '2026-11-23T10:00:02.500Z',
  context: 'lab',
  server: 'https://127.0.0.1:6443',
  scope: { namespace: 'default', services: ['default/hostnames'], selector: null },
  parts: [{ file: 'services', readAt: '2026-11-23T10:00:00Z', resourceVersion: '264', error: null }],
  nodes: [
    {
      name: 'n1',
      via: 'ssh',
      client: 'ssh2',
      startedAt: '2026-11-23T10:00:01Z',
      finishedAt: '2026-11-23T10:00:02Z',
      failure: { reason: 'timeout', message: 'no answer within 30 s', tryThis: 'ssh n1' },
      commands: [{ argv: ['iptables-save', '-c'], code: null, stderr: '', file: 'iptables-save', durationMs: 12 }],
    },
  ],
};

function snapshotOf(nodes: Record<string, Partial<Record<NodeFile, string>>>, manifest = MANIFEST): Snapshot {
  const cluster = new Map<ClusterFile, unknown>([
    ['services', LIST],
    ['endpoints', LIST],
    ['nodes', LIST],
  ]);
  const evidence = Object.entries(nodes).map(([name, files]) => ({
    name,
    files: new Map(NODE_FILES.flatMap((file) => (files[file] === undefined ? [] : [[file, files[file]] as const]))),
  }));
  return { manifest, cluster, nodes: evidence };
}

async function handMade(files: Record<string, string | Buffer>): Promise<string> {
  const root = fresh();
  for (const [path, content] of Object.entries(files)) {
    await mkdir(join(root, path, '..'), { recursive: true });
    await writeFile(join(root, path), content);
  }
  return root;
}

const MINIMAL = {
  'cluster/services.json': JSON.stringify(LIST),
  'cluster/endpoints.json': JSON.stringify(LIST),
  'cluster/nodes.json': JSON.stringify(LIST),
};

async function refusal(path: string): Promise<SnapshotError> {
  const error: unknown = await readSnapshot(path).catch((failure: unknown) => failure);
  if (!(error instanceof SnapshotError)) throw new Error(`read without refusal: ${path}`);
  return error;
}

describe('the recordings', async () => {
  const names = (await readdir(recordings, { withFileTypes: true })).filter((entry) => entry.isDirectory());

  it('are six', () => expect(names).toHaveLength(6));

  it.each(names.map(({ name }) => name))('%s reads, and reads the same from an archive', async (name) => {
    const root = join(recordings, name);
    const { snapshot, notes } = await readSnapshot(root);
    expect(notes).toEqual([]);
    expect(snapshot.manifest).toBeNull();
    expect(snapshot.nodes.map((node) => node.name)).toEqual([1, 2, 3].map((n) => `rain-kubernetes-${n}`));
    for (const node of snapshot.nodes) {
      const onDisk = await readdir(join(root, 'nodes', node.name));
      expect([...node.files.keys()].sort()).toEqual(onDisk.sort());
      for (const [file, text] of node.files) {
        expect(Buffer.from(text)).toEqual(await readFile(join(root, 'nodes', node.name, file)));
      }
    }
    const archive = fresh('.tar.gz');
    await writeSnapshot(snapshot, archive);
    expect((await readSnapshot(archive)).snapshot).toEqual(snapshot);
  });

  it('have empty saves, which are answers', async () => {
    const { snapshot } = await readSnapshot(join(recordings, 'hostnames-1.20-iptables-legacy'));
    expect(snapshot.nodes[0]?.files.get('iptables-nft-save')).toBe('');
    expect(snapshot.nodes[0]?.files.get('iptables-save')).toBeUndefined();
  });
});

describe('writing and reading back', () => {
  const nodeName = fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9._-]{0,20}$/);
  const text = fc.uint8Array({ maxLength: 60 }).map((bytes) => decodeSave(bytes));
  const json = fc.jsonValue().map((extra) => Object.assign({ extra }, LIST));
  const snapshots = fc.record({
    cluster: fc.dictionary(fc.constantFrom(...CLUSTER_FILES.filter((file) => file !== 'version')), json),
    nodes: fc.uniqueArray(fc.record({ name: nodeName, files: fc.dictionary(fc.constantFrom(...NODE_FILES), text) }), {
      selector: ({ name }) => name,
      maxLength: 4,
    }),
    hasManifest: fc.boolean(),
  });

  it.each(['', '.tar.gz', '.tgz', '.tar'])('gives the same snapshot (%s)', async (ending) => {
    await fc.assert(
      fc.asyncProperty(snapshots, async ({ cluster, nodes, hasManifest }) => {
        const all = { services: LIST, endpointslices: LIST, nodes: LIST, ...cluster };
        const snapshot: Snapshot = {
          manifest: hasManifest ? MANIFEST : null,
          // JSON has no -0.
          cluster: new Map(
            CLUSTER_FILES.flatMap((file) => {
              const value: unknown = Object.entries(all).find(([name]) => name === file)?.[1];
              return value === undefined ? [] : [[file, JSON.parse(JSON.stringify(value))] as const];
            }),
          ),
          nodes: nodes
            .map(({ name, files }) => ({
              name,
              files: new Map(NODE_FILES.flatMap((file) => (file in files ? [[file, files[file] ?? ''] as const] : []))),
            }))
            .sort((a, b) => (a.name < b.name ? -1 : 1)),
        };
        const path = fresh(ending);
        await writeSnapshot(snapshot, path);
        expect((await readSnapshot(path)).snapshot).toEqual(snapshot);
      }),
      { numRuns: 40 },
    );
  });

  it('decodes any bytes to a text that stays the same once written', () => {
    fc.assert(
      fc.property(fc.uint8Array(), (bytes) => {
        const once = decodeSave(bytes);
        expect(decodeSave(Buffer.from(once, 'utf8'))).toBe(once);
      }),
    );
    expect(decodeSave(Buffer.from([0x61, 0xff, 0x62]))).toBe('a\uFFFDb');
    expect(decodeSave(Buffer.from('\uFEFFabc', 'utf16le'))).toBe('abc');
    expect(decodeSave(Buffer.from('\uFEFF\uFEFFabc'))).toBe('abc');
    expect(decodeSave(Buffer.from([0xff, 0xfe, 0x00, 0xd8]))).toBe('\uFFFD');
    const split = Buffer.concat([Buffer.from([9]), Buffer.from('é')]);
    expect(decodeSave(split.subarray(1))).toBe('é');
  });

  it('gives equal bytes for equal snapshots, whatever the order and the clock', async () => {
    const [a, b] = [fresh('.tar.gz'), fresh('.tar.gz')];
    await writeSnapshot(snapshotOf({ n1: { 'iptables-save': 'x', ip_vs: 'y' }, n2: {} }), a);
    const other = snapshotOf({ n2: {}, n1: { ip_vs: 'y', 'iptables-save': 'x' } });
    await writeSnapshot({ ...other, cluster: new Map([...other.cluster].toReversed()) }, b);
    expect(await readFile(a)).toEqual(await readFile(b));
  });

  it('names no time, user or rights but its own in an archive', async () => {
    const archive = fresh('.tar');
    await writeSnapshot(snapshotOf({ n1: { 'iptables-save': 'x' } }), archive);
    const seen: [string, number, number, number, string][] = [];
    for await (const entry of createReadStream(archive).pipe(extract())) {
      const { name, mode, uid, gid, mtime } = entry.header;
      seen.push([name, mode, uid, gid, mtime.toISOString()]);
      entry.resume();
    }
    const at = '2026-11-23T10:00:02.000Z';
    expect(seen).toEqual([
      ...['cluster/', 'nodes/', 'nodes/n1/'].map((name) => [name, 0o700, 0, 0, at]),
      ...['cluster/endpoints.json', 'cluster/nodes.json', 'cluster/services.json'].map((name) => [
        name,
        0o600,
        0,
        0,
        at,
      ]),
      ...['nodes/n1/iptables-save', 'snapshot.json'].map((name) => [name, 0o600, 0, 0, at]),
    ]);
  });

  it('lets nobody else read it', async () => {
    const folder = fresh();
    const archive = fresh('.tgz');
    await writeSnapshot(snapshotOf({ n1: { 'iptables-save': 'x' } }), folder);
    await writeSnapshot(snapshotOf({ n1: { 'iptables-save': 'x' } }), archive);
    expect((await stat(folder)).mode & 0o777).toBe(0o700);
    expect((await stat(join(folder, 'nodes', 'n1'))).mode & 0o777).toBe(0o700);
    expect((await stat(join(folder, 'nodes', 'n1', 'iptables-save'))).mode & 0o777).toBe(0o600);
    expect((await stat(archive)).mode & 0o777).toBe(0o600);
  });

  it('takes an empty folder, refuses one with something in it, and leaves nothing behind', async () => {
    const folder = fresh();
    await mkdir(folder);
    await writeSnapshot(snapshotOf({}), folder);
    await expect(writeSnapshot(snapshotOf({}), folder)).rejects.toThrow(`${folder} is not empty`);
    await expect(writeSnapshot(snapshotOf({}), join(scratch, 'no-such', 'x.tar'))).rejects.toThrow(SnapshotError);
    await expect(writeSnapshot(snapshotOf({ '../x': {} }), fresh())).rejects.toThrow('is not the name of a node');
    const directory = fresh('.tar.gz');
    await mkdir(directory);
    await expect(writeSnapshot(snapshotOf({}), directory)).rejects.toThrow('is a folder');
    expect((await readdir(scratch)).filter((name) => name.endsWith('.tmp'))).toEqual([]);
  });

  it('replaces an older archive', async () => {
    const archive = fresh('.tar.gz');
    await writeFile(archive, 'old');
    await writeSnapshot(snapshotOf({ n1: {} }), archive);
    expect((await readSnapshot(archive)).snapshot.nodes.map(({ name }) => name)).toEqual(['n1']);
  });

  it('reads standard input', async () => {
    const archive = fresh('.tgz');
    await writeSnapshot(snapshotOf({ n1: { 'iptables-save': 'x' } }), archive);
    const { snapshot } = await readSnapshot('-', { stdin: createReadStream(archive) });
    expect(snapshot.manifest).toEqual(MANIFEST);
  });
});

describe('a folder made by hand', () => {
  it('needs no manifest and may have any files of a node', async () => {
    const root = await handMade({
      ...MINIMAL,
      'nodes/n1/iptables-save': '',
      'nodes/n2/nft.json': '{}',
      'nodes/n2/mine.txt': '',
      'README.md': '',
      'logs/x': '',
      'nodes/.DS_Store': '',
    });
    const { snapshot, notes } = await readSnapshot(root);
    expect(snapshot.manifest).toBeNull();
    expect(snapshot.nodes.map(({ name, files }) => [name, [...files]])).toEqual([
      ['n1', [['iptables-save', '']]],
      ['n2', [['nft.json', '{}']]],
    ]);
    expect(notes).toEqual(
      ['README.md', 'logs/', 'nodes/n2/mine.txt'].map((path) => `${path} is not part of a snapshot and was left alone`),
    );
  });

  it('may hold what kubectl prints', async () => {
    const service = { apiVersion: 'v1', kind: 'Service', metadata: { name: 'a' } };
    const root = await handMade({
      ...MINIMAL,
      'cluster/services.json': JSON.stringify(service),
      'cluster/nodes.json': JSON.stringify({ apiVersion: 'v1', kind: 'NodeList', items: null }),
      'cluster/endpoints.json': Buffer.from(`\uFEFF${JSON.stringify(LIST)}`, 'utf16le'),
      'cluster/version.json': JSON.stringify({ clientVersion: {}, serverVersion: { gitVersion: 'v1.37.2' } }),
    });
    const { cluster } = (await readSnapshot(root)).snapshot;
    expect(cluster.get('services')).toEqual({ ...LIST, items: [service] });
    expect(cluster.get('nodes')).toEqual({ apiVersion: 'v1', kind: 'NodeList', items: [] });
    expect(cluster.get('endpoints')).toEqual(LIST);
    expect(cluster.get('version')).toEqual({ gitVersion: 'v1.37.2' });
  });

  it.each([
    ['cluster/services.json', 'cluster/services.json is missing', 'kubectl get services -A -o json'],
    ['cluster/nodes.json', 'cluster/nodes.json is missing', 'kubectl get nodes -o json'],
    [
      'cluster/endpoints.json',
      'endpointslices.json and cluster/endpoints.json are both missing',
      'kubectl get endpointslices',
    ],
  ])('without %s is refused', async (path, message, suggestion) => {
    const root = await handMade(Object.fromEntries(Object.entries(MINIMAL).filter(([name]) => name !== path)));
    const error = await refusal(root);
    expect(error.message).toContain(message);
    expect(error.suggestion).toContain(suggestion);
    expect(error.exitCode).toBe(2);
  });

  it.each([
    ['cluster/services.json', '{\n "kind": List\n}', 'cluster/services.json, line 2, column 10: this is not JSON'],
    ['cluster/services.json', '', 'cluster/services.json, line 1, column 1: the file is empty'],
    [
      'cluster/services.json',
      '{"kind":"List","items":[]',
      'cluster/services.json, line 1, column 26: this is not JSON',
    ],
    ['cluster/services.json', '[]', 'cluster/services.json is not an object'],
    ['cluster/services.json', '{"kind":"PodList","items":[]}', 'holds a "PodList"'],
    ['cluster/nodes.json', '{"kind":"List","items":[{"kind":"Pod"}]}', 'cluster/nodes.json has a "Pod" at items[0]'],
    ['cluster/nodes.json', '{"kind":"List","items":{}}', '`items` that are not a list'],
    ['snapshot.json', '{"formatVersion":2,"toolVersion":"9.1"}', 'has format 2, written by version 9.1'],
    ['snapshot.json', '{"formatVersion":"1"}', 'snapshot.json, formatVersion: expected a number, found "1"'],
    ['snapshot.json', '{"formatVersion":1}', 'snapshot.json, tool: expected a string, found nothing'],
    [
      'snapshot.json',
      JSON.stringify({ ...MANIFEST, nodes: [{ ...MANIFEST.nodes[0], via: 'magic' }] }),
      'snapshot.json, nodes[0].via: expected one of ssh',
    ],
    ['nodes/-rf/iptables-save', '', 'nodes/"-rf" is not the name of a node'],
    ['nodes/a b/x', '', 'nodes/"a b" is not the name of a node'],
  ])('with a bad %s is refused (%s)', async (path, content, message) => {
    expect((await refusal(await handMade({ ...MINIMAL, [path]: content }))).message).toContain(message);
  });

  it('with a link or a folder in place of a file is refused', async () => {
    const linked = await handMade(MINIMAL);
    await symlink('/etc/hostname', join(linked, 'cluster', 'pods.json'));
    expect((await refusal(linked)).message).toContain('cluster/pods.json is a link');
    const folder = await handMade(MINIMAL);
    await symlink(linked, join(folder, 'nodes'));
    expect((await readSnapshot(folder)).notes).toEqual(['nodes is not part of a snapshot and was left alone']);
  });

  it('that does not exist is refused', async () => {
    expect((await refusal(join(scratch, 'nothing'))).message).toContain('ENOENT');
  });

  it('says what the manifest names and the folder does not have', async () => {
    const root = await handMade({ ...MINIMAL, 'snapshot.json': JSON.stringify(MANIFEST), 'nodes/n9/ip_vs': '' });
    expect((await readSnapshot(root)).notes).toEqual([
      'nodes/n9/ is not in snapshot.json: how it was read is not known',
      'nodes/n1/iptables-save is in snapshot.json but not in the snapshot: it counts as not read',
    ]);
  });

  it('may be larger than allowed: refused', async () => {
    const root = await handMade({ ...MINIMAL, 'nodes/n1/iptables-save': 'x'.repeat(2000) });
    await expect(readSnapshot(root, { limits: { fileBytes: 1000 } })).rejects.toThrow('iptables-save has 2000 bytes');
    await expect(readSnapshot(root, { limits: { entries: 2 } })).rejects.toThrow('more than 2 entries');
  });
});
