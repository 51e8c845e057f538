/** What two looks at a cluster that changes say of a finding, and what one look says by itself. */
import { describe, expect, it } from 'vitest';
import { analyze } from '../../src/analyze/analyze.ts';
import {
  changesBetween,
  completedBy,
  dueAgain,
  NO_CHANGES,
  eitherOf,
  settleTime,
  thirdLook,
  type Look,
} from '../../src/analyze/second-look.ts';
import type { ObjectChange, RecentChange, Snapshot, SnapshotManifest } from '../../src/model/snapshot.ts';
import type { Report } from '../../src/model/report.ts';
import { damage, replacing, without } from '../build.ts';
import { hostnames } from '../checks/clusters.ts';
import { DEFAULT_OPTIONS } from '../options.ts';

const NODE = 'rain-kubernetes-2';
const ENDPOINT = '--to-destination 10.168.1.12:9376';

interface State {
  readonly snapshot: Snapshot;
  /** Version of the slice of `hostnames`. */
  readonly version: number;
  /** Services whose slice changed while the nodes were read. */
  readonly moving: readonly string[];
}

const HEALTHY: State = { snapshot: hostnames(), version: 1, moving: [] };
const BROKEN: State = { ...HEALTHY, snapshot: damage(hostnames(), NODE, without(ENDPOINT)) };
/** The same thing is wrong, and the rules around it are others than before. */
const MOVED: State = {
  ...HEALTHY,
  snapshot: damage(BROKEN.snapshot, NODE, replacing(['10.168.2.30:8080'], '10.168.2.30', '10.168.2.31')),
};

function lookAt({ snapshot, version, moving }: State, nodes: readonly string[] | null = null): Look {
  const cluster = new Map(snapshot.cluster);
  cluster.set('endpointslices', withVersion(snapshot.cluster.get('endpointslices'), version));
  const seen = { ...snapshot, cluster, manifest: manifest(moving) };
  return { snapshot: seen, report: analyze(seen, { ...DEFAULT_OPTIONS, nodes, changes: NO_CHANGES }) };
}

function withVersion(list: unknown, version: number): unknown {
  const text = JSON.stringify(list);
  return JSON.parse(text.replaceAll('"namespace":', `"resourceVersion":"${version}","namespace":`));
}

function manifest(moving: readonly string[], recent: readonly RecentChange[] = []): SnapshotManifest {
  const time = '2026-11-25T10:00:00.000Z';
  const changed = moving.map((name): ObjectChange => ({
    file: 'endpointslices',
    namespace: 'default',
    name: `${name}-1`,
    service: `default/${name}`,
    before: '1',
    after: '2',
  }));
  return {
    formatVersion: 1,
    tool: 'kubectl-svcdoctor',
    toolVersion: 'test',
    startedAt: time,
    finishedAt: time,
    context: null,
    server: null,
    scope: { namespace: null, services: null, selector: null },
    parts: [],
    again: { readAt: time, error: null, changed, recent },
    nodes: [],
  };
}

function judge(before: State, after: State): Report {
  const first = lookAt(before);
  const second = lookAt(after, [NODE]);
  const completed = { ...second, snapshot: completedBy(second.snapshot, first.snapshot) };
  return analyze(first.snapshot, { ...DEFAULT_OPTIONS, changes: changesBetween(first, completed) });
}

function stateOf(report: Report): string {
  const port = report.servicePorts.find(({ id }) => id === 'default/hostnames:http');
  return `${report.verdict.outcome}, I2 ${port?.invariants.I2.state}`;
}

describe('a finding at the second look', () => {
  it.each([
    ['is there again, of the same objects: a fault', BROKEN, BROKEN, 'findings, I2 failed'],
    ['is gone: it was a change on its way', BROKEN, HEALTHY, 'healthy, I2 ok'],
    [
      'is there again although the objects changed, and no rule did: kube-proxy does not follow',
      BROKEN,
      { ...BROKEN, version: 2 },
      'findings, I2 failed',
    ],
    [
      'is there again of other objects in other rules: nobody can tell',
      BROKEN,
      { ...MOVED, version: 2 },
      'incomplete, I2 undetermined',
    ],
    ['is there again in other rules of the same objects: a fault', BROKEN, MOVED, 'findings, I2 failed'],
    [
      'is there again in other rules, and the objects changed while these were read: nobody can tell',
      BROKEN,
      { ...MOVED, moving: ['hostnames'] },
      'incomplete, I2 undetermined',
    ],
    [
      'is there again while another Service changed: a fault',
      BROKEN,
      { ...MOVED, moving: ['other'] },
      'findings, I2 failed',
    ],
  ] as const)('%s', (_name, before, after, expected) => {
    expect(stateOf(judge(before, after))).toBe(expected);
  });

  it('stands where the node could not be read again', () => {
    const unread = { ...HEALTHY.snapshot, nodes: HEALTHY.snapshot.nodes.filter(({ name }) => name !== NODE) };
    const first = lookAt(BROKEN);
    const second = lookAt({ ...HEALTHY, snapshot: unread });
    const report = analyze(first.snapshot, { ...DEFAULT_OPTIONS, changes: changesBetween(first, second) });
    expect(stateOf(report)).toBe('findings, I2 failed');
  });
});

describe('a third look', () => {
  const standing = (seconds: number | null, service = 'default/hostnames') => {
    const second = lookAt(BROKEN);
    const at = `2026-11-25T09:59:${60 - (seconds ?? 0)}Z`;
    const recent = seconds === null ? [] : [{ service, at }];
    const aged = { ...second, snapshot: { ...second.snapshot, manifest: manifest([], recent) } };
    return thirdLook(aged, NO_CHANGES);
  };

  it.each([
    ['of objects that were written 4 seconds before: due after 6 more', 4, 'default/hostnames', 6000],
    ['of objects that were written 20 seconds before: not due', 20, 'default/hostnames', null],
    ['of objects that were written long before: not due', null, 'default/hostnames', null],
    ['where another Service was written just before: not due', 4, 'default/other', null],
  ] as const)('%s', (_name, seconds, service, waitMs) => {
    expect(standing(seconds, service)).toEqual(waitMs === null ? null : { nodes: [NODE], waitMs });
  });

  it('is not due for what is explained', () => {
    const second = lookAt(BROKEN);
    const recent = [{ service: 'default/hostnames', at: '2026-11-25T09:59:58Z' }];
    const aged = { ...second, snapshot: { ...second.snapshot, manifest: manifest([], recent) } };
    expect(thirdLook(aged, () => 'open')).toBeNull();
  });

  it('explains what the second one left standing, and takes nothing back', () => {
    const both = eitherOf(
      (code) => (code === 'A' ? 'open' : null),
      (code) => (code === 'C' ? null : 'settled'),
    );
    expect(['A', 'B', 'C'].map((code) => both(code, 's', 'n'))).toEqual(['open', 'settled', null]);
  });
});

describe('one look alone', () => {
  const once = (state: State): Report => analyze(lookAt(state).snapshot, DEFAULT_OPTIONS);

  it('finds what did not change meanwhile', () => {
    expect(stateOf(once({ ...BROKEN, moving: ['other'] }))).toBe('findings, I2 failed');
  });

  it('says "in flight" of what did', () => {
    const report = once({ ...BROKEN, moving: ['hostnames'] });
    expect(stateOf(report)).toBe('incomplete, I2 undetermined');
    expect(report.verdict.exitCode).toBe(3);
    expect(report.notes.map(({ text }) => text)).toEqual([
      `default/hostnames:http on ${NODE} changed while it was read`,
    ]);
    expect(report.coverage.changed).toEqual([{ kind: 'endpointslices', namespace: 'default', name: 'hostnames-1' }]);
  });

  it('judges a Service that changed where its rules are right all the same', () => {
    expect(stateOf(once({ ...HEALTHY, moving: ['hostnames'] }))).toBe('healthy, I2 ok');
  });
});

describe('a second look', () => {
  it('is due on the nodes with findings', () => {
    expect(dueAgain(lookAt(HEALTHY).report)).toBeNull();
    expect(dueAgain(lookAt(BROKEN).report)).toEqual({ nodes: [NODE], services: false });
  });

  it.each([
    ['without a ConfigMap', null, 3000],
    ['with the default', '1s', 3000],
    ['with a shorter period', '0s', 3000],
    ['with a longer period', '10s', 12_000],
    ['with an absurd one', '1h', 60_000],
  ])('waits %s as long as kube-proxy may take', (_name, minSyncPeriod, expected) => {
    const text = `kind: KubeProxyConfiguration\niptables:\n  minSyncPeriod: ${minSyncPeriod}\n`;
    const map = { kind: 'ConfigMap', metadata: { name: 'kube-proxy', namespace: 'kube-system' }, data: { c: text } };
    const cluster = new Map(HEALTHY.snapshot.cluster);
    if (minSyncPeriod !== null) cluster.set('kube-proxy', { kind: 'List', items: [map] });
    expect(settleTime(cluster)).toBe(expected);
  });
});
