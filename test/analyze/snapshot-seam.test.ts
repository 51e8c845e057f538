/** The seam: a snapshot gives the same report, byte for byte, from memory, a folder or an archive, in whatever order its lists are. */
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { analyze } from '../../src/analyze/analyze.ts';
import { readSnapshot, writeSnapshot } from '../../src/collect/snapshot-dir/index.ts';
import type { ClusterFile, Snapshot, SnapshotManifest } from '../../src/model/snapshot.ts';
import { renderJson } from '../../src/render/json.ts';
import { ROOT } from '../golden.ts';
import { damage, without } from '../build.ts';
import { hostnames, loadBalancer } from '../checks/clusters.ts';
import { DEFAULT_OPTIONS } from '../options.ts';

const RECORDINGS = join(ROOT, 'test/fixtures/recordings');

const MANIFEST: SnapshotManifest = {
  formatVersion: 1,
  tool: 'kubectl-svcdoctor',
  toolVersion: '0.1.0',
  startedAt: '2026-11-23T10:00:00.000Z',
  finishedAt: '2026-11-23T10:00:01.500Z',
  context: 'lab',
  server: 'https://127.0.0.1:6443',
  scope: { namespace: 'default', services: null, selector: null },
  parts: [{ file: 'services', readAt: '2026-11-23T10:00:00.100Z', resourceVersion: '264', error: null }],
  nodes: ['rain-kubernetes-1', 'rain-kubernetes-2', 'rain-kubernetes-3'].map((name) => ({
    name,
    via: 'ssh',
    client: 'ssh2',
    startedAt: '2026-11-23T10:00:00.200Z',
    finishedAt: '2026-11-23T10:00:00.900Z',
    failure: null,
    commands: [],
  })),
};

function judge(snapshot: Snapshot): string {
  return renderJson(analyze(snapshot, { ...DEFAULT_OPTIONS, namespace: null }));
}

function damaged(): Snapshot {
  return damage(
    { ...hostnames(), manifest: MANIFEST },
    'rain-kubernetes-2',
    without('--to-destination 10.168.1.12:9376'),
  );
}

async function throughDisk(snapshot: Snapshot, name: string): Promise<Snapshot> {
  const folder = mkdtempSync(join(tmpdir(), 'svcdoctor-seam-'));
  try {
    await writeSnapshot(snapshot, join(folder, name));
    return (await readSnapshot(join(folder, name))).snapshot;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function reversed(snapshot: Snapshot): Snapshot {
  const cluster = new Map(
    [...snapshot.cluster].map(([file, value]): [ClusterFile, unknown] => [file, reverseItems(value)]),
  );
  return { ...snapshot, cluster: new Map([...cluster].toReversed()), nodes: snapshot.nodes.toReversed() };
}

function reverseItems(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || !('items' in value) || !Array.isArray(value.items)) return value;
  return { ...value, items: value.items.toReversed().map((item: unknown) => reverseEndpoints(item)) };
}

function reverseEndpoints(item: unknown): unknown {
  if (typeof item !== 'object' || item === null || !('endpoints' in item) || !Array.isArray(item.endpoints))
    return item;
  return { ...item, endpoints: item.endpoints.toReversed() };
}

describe('the seam', () => {
  it.each(['folder', 'evidence.tgz', 'evidence.tar.gz'])(
    'gives the same bytes from memory and from %s',
    async (name) => {
      const snapshot = damaged();
      const report = judge(snapshot);
      expect(report).toContain('SVC321');
      expect(judge(await throughDisk(snapshot, name))).toBe(report);
    },
  );

  it.each(readdirSync(RECORDINGS).filter((name) => name.startsWith('hostnames-')))(
    'judges %s the same twice, and in any order',
    async (name) => {
      const { snapshot } = await readSnapshot(join(RECORDINGS, name));
      const report = judge(snapshot);
      expect(judge(snapshot)).toBe(report);
      expect(judge(reversed(snapshot))).toBe(report);
    },
  );

  it('takes a node for unread when the back end with its rules could not be read', () => {
    const [first, ...others] = MANIFEST.nodes;
    if (first === undefined) throw new Error('no node');
    const failed = {
      argv: ['env', 'iptables-nft-save', '-c'],
      code: 4,
      stderr: 'Permission denied',
      file: null,
      durationMs: 9,
    };
    const manifest = { ...MANIFEST, nodes: [{ ...first, commands: [failed] }, ...others] };
    const nodes = hostnames().nodes.map((node) =>
      node.name === first.name ? { ...node, files: new Map([['iptables-legacy-save', ''] as const]) } : node,
    );
    const report = judge({ ...hostnames(), manifest, nodes });
    expect(report).not.toContain('SVC401');
    expect(report).toContain('iptables-nft-save failed: Permission denied');
  });

  it.each([() => loadBalancer('Local'), damaged])('does not care for the order of lists', (make) => {
    expect(judge(reversed(make()))).toBe(judge(make()));
  });

  it.each([
    '1.24-iptables-nft',
    '1.28-iptables-legacy',
    '1.37-iptables-nft',
    '1.22-iptables-legacy',
    '1.20-iptables-legacy',
  ])('finds nothing in the healthy recording of %s, and judges everything', async (name) => {
    const { snapshot } = await readSnapshot(join(RECORDINGS, `hostnames-${name}`));
    const report = JSON.parse(judge(snapshot)) as {
      readonly findings: unknown;
      readonly notes: unknown;
      readonly verdict: unknown;
    };
    expect(report.findings).toEqual([]);
    expect(report.notes).toEqual([]);
    expect(report.verdict).toMatchObject({ outcome: 'healthy', exitCode: 0 });
  });
});
