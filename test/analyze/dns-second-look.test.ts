/** DNS keeps answers for a while: what differs must be there again when it no longer does, of objects that did not change. */
import { describe, expect, it } from 'vitest';
import { analyze } from '../../src/analyze/analyze.ts';
import { changesBetween, dueAgain, NO_CHANGES, settleTime, type Look } from '../../src/analyze/second-look.ts';
import type { Report } from '../../src/model/report.ts';
import type { Snapshot, SnapshotManifest } from '../../src/model/snapshot.ts';
import { snapshot } from '../build.ts';
import { COREFILE, reading } from '../checks/dns-rows.ts';
import { DEFAULT_OPTIONS } from '../options.ts';

const NAME = 'db.default.svc.cluster.local';
const TIME = '2026-11-25T10:00:00.000Z';

interface State {
  /** null: nobody could be asked. */
  readonly says: string | null;
  /** Of the Service. */
  readonly version?: string;
  /** The Service changed while the rest was read. */
  readonly moving?: true;
}

function evidence({ says, version = '1', moving }: State, change: Parameters<typeof reading>[1] = {}): Snapshot {
  const dns = says === null ? undefined : reading([{ name: NAME, type: 'CNAME', says }], change);
  const spec = { type: 'ExternalName', externalName: 'db.example.com' };
  const made = snapshot({ services: [{ name: 'db', spec }], slices: [], dns });
  const text = JSON.stringify(made.cluster.get('services')).replace(
    '"namespace":',
    `"resourceVersion":"${version}",$&`,
  );
  return {
    ...made,
    cluster: new Map(made.cluster).set('services', JSON.parse(text)),
    manifest: manifest(moving === true),
  };
}

function manifest(moving: boolean): SnapshotManifest {
  const object = { file: 'services', namespace: 'default', name: 'db', service: 'default/db' } as const;
  return {
    formatVersion: 1,
    tool: 'kubectl-svcdoctor',
    toolVersion: 'test',
    startedAt: TIME,
    finishedAt: TIME,
    context: null,
    server: null,
    scope: { namespace: null, services: null, selector: null },
    parts: [],
    again: { readAt: TIME, error: null, changed: moving ? [{ ...object, before: '1', after: '2' }] : [], recent: [] },
    nodes: [],
  };
}

function lookAt(state: State): Look {
  const seen = evidence(state);
  return { snapshot: seen, report: analyze(seen, { ...DEFAULT_OPTIONS, changes: NO_CHANGES }) };
}

function judge(before: State, after: State): Report {
  const first = lookAt(before);
  return analyze(first.snapshot, { ...DEFAULT_OPTIONS, changes: changesBetween(first, lookAt(after)) });
}

function words({ findings, notes, services }: Report): string {
  const codes = findings.map(({ code }) => code).filter((code) => code !== 'SVC204');
  return [...codes, services[0]?.dns, ...notes.map(({ text }) => text)].join(', ');
}

const RIGHT = 'CNAME db.example.com';
const WRONG = 'CNAME old.example.com';
const OTHER = 'CNAME older.example.com';

describe('an answer that differs', () => {
  it.each<[string, State, State, string]>([
    ['and does so again: a fault', { says: WRONG }, { says: WRONG }, 'SVC221, failed'],
    ['and is right the second time: it was on its way', { says: WRONG }, { says: RIGHT }, 'ok'],
    [
      'and nobody could be asked the second time: that is not well',
      { says: WRONG },
      { says: null },
      'undetermined, default/db: a second look did not confirm what differs: it changes faster than it can be asked about, or nobody answered',
    ],
    [
      'and cannot be told the second time: that is not well',
      { says: WRONG },
      { says: 'SERVFAIL' },
      'undetermined, default/db: a second look did not confirm what differs: it changes faster than it can be asked about, or nobody answered',
    ],
    [
      'the same way although the Service changed: DNS does not follow',
      { says: WRONG },
      { says: WRONG, version: '2' },
      'SVC221, failed',
    ],
    [
      'otherwise, of a Service that changed: nobody can tell',
      { says: WRONG },
      { says: OTHER, version: '2' },
      'undetermined, default/db: a second look did not confirm what differs: it changes faster than it can be asked about, or nobody answered',
    ],
    ['otherwise, of the same Service: a fault', { says: WRONG }, { says: OTHER }, 'SVC221, failed'],
  ])('%s', (_, before, after, expected) => {
    expect(words(judge(before, after))).toBe(expected);
  });

  it('is looked at again; one that is right is not', () => {
    expect(dueAgain(lookAt({ says: WRONG }).report)).toEqual({ nodes: [], services: true });
    expect(dueAgain(lookAt({ says: RIGHT }).report)).toBeNull();
  });

  it('is in flight where the Service changed meanwhile and nobody looks again', () => {
    const report = analyze(evidence({ says: WRONG, moving: true }), DEFAULT_OPTIONS);
    expect(words(report)).toBe('undetermined, default/db: in flight: it changed while the evidence was gathered');
    expect(words(analyze(evidence({ says: WRONG }), DEFAULT_OPTIONS))).toBe('SVC221, failed');
  });
});

describe('the time until DNS has forgotten', () => {
  const disable = (...kinds: string[]): string =>
    COREFILE.replace('cache', `cache {\n${kinds.map((kind) => `disable ${kind} cluster.local`).join('\n')}\n}`);

  it.each<[string, string | null, number]>([
    ["is the answers' own time", COREFILE, 30_000],
    ['is that too where nobody knows of caches', null, 30_000],
    ['is nothing without a cache', COREFILE.replace('cache', 'log'), 3000],
    ['is nothing where the cache leaves the zone alone', disable('success', 'denial'), 3000],
    ['stays where it keeps what it denies', disable('success'), 30_000],
  ])('%s', (_, corefile, expected) => {
    const { cluster } = evidence({ says: WRONG }, { corefile });
    expect(settleTime(cluster, true)).toBe(expected);
    expect(settleTime(cluster)).toBe(3000);
  });
});

describe('of a Service that is DNS alone', () => {
  it.each<[string, Snapshot, string]>([
    ['right answers are said', evidence({ says: RIGHT }), 'The cluster DNS answers as it should.'],
    ['open ones too', evidence({ says: 'SERVFAIL' }), 'Not all answers of the cluster DNS could be judged.'],
    [
      'and that nobody was there to be asked',
      {
        ...evidence({ says: RIGHT }),
        cluster: new Map([...evidence({ says: RIGHT }).cluster, ['dns', { unavailable: 'no DNS pods found' }]]),
      },
      'The cluster DNS was not asked: no DNS pods found.',
    ],
  ])('%s', (_, seen, expected) => {
    const { verdict } = analyze(seen, DEFAULT_OPTIONS);
    expect(verdict.summary).toBe(
      `default/db has no rules on nodes: type ExternalName: the cluster DNS answers with a CNAME. ${expected}`,
    );
    expect(verdict.exitCode).toBe(0);
  });
});
