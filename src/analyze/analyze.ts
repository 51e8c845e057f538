import { CHECKS } from '../checks/index.ts';
import { runChecks, type Hit, type OpenServiceQuestion } from '../checks/run.ts';
import type { Check } from '../checks/check.ts';
import type { World } from '../checks/world.ts';
import type { Note, Report, ReportMetadata, ServicePortResult, ServiceSummary } from '../model/report.ts';
import { INVARIANTS } from '../model/report.ts';
import { parseCluster } from '../model/parse-cluster.ts';
import type { Service } from '../model/service.ts';
import type { Snapshot } from '../model/snapshot.ts';
import { buildWorld } from './build-world.ts';
import { coverageOf } from './coverage.ts';
import { dnsStates } from './dns-states.ts';
import { findingsOf, severityOf } from './findings.ts';
import { servicePortResults, worstState } from './invariants.ts';
import { inFlight, separate, type Changes, type OpenHit } from './second-look.ts';
import { selectServices, type Selection } from './selection.ts';
import { verdictOf, type VerdictOptions } from './verdict.ts';
import { weigh, type WeighedHits } from './weigh.ts';

export interface AnalyzeOptions extends Selection, VerdictOptions {
  /** Codes; null: all. */
  readonly only: readonly string[] | null;
  readonly skip: readonly string[];
  /** Only these nodes; null: all. */
  readonly nodes: readonly string[] | null;
  readonly toolVersion: string;
  /** What a second look has shown of the first one's findings; absent: there was none, and one look tells what it can. */
  readonly changes?: Changes;
}

/**
 * The core's one entry: from raw evidence to the report. Pure and synchronous; the same evidence gives the same report,
 * whether it was read a second ago or comes from a file.
 * @throws MalformedClusterFile, UnknownServiceInSnapshot
 */
export function analyze(snapshot: Snapshot, options: AnalyzeOptions): Report {
  const cluster = parseCluster(snapshot.cluster);
  const selected = selectServices(cluster, options);
  const { world, notes, captures } = buildWorld(snapshot, cluster, selected, options.nodes);
  const checks = checksFor(options);
  const run = runChecks(checks, world);
  const { standing, open, openServices } = separate(run.hits, options.changes ?? inFlight(snapshot));
  const groups = weigh(standing);
  const findings = findingsOf(groups);
  const hits = groups.flatMap((group) => group.hits);
  const servicePorts = servicePortResults(world, { ...run, hits, open: [...run.open, ...open] });
  const undecided = [...run.openServices, ...openServices];
  const services = summaries(checks, world, servicePorts, groups, undecided);
  const coverage = coverageOf(snapshot, world, captures);
  return {
    apiVersion: 'svcdoctor/v1',
    kind: 'Report',
    metadata: metadataOf(snapshot, options, cluster.serverVersion),
    verdict: verdictOf({ services, servicePorts, findings, coverage }, options),
    coverage,
    services,
    servicePorts,
    findings,
    notes: [...objectNotes(world), ...openNotes(open), ...serviceNotes(undecided), ...notes],
  };
}

function checksFor({ only, skip }: AnalyzeOptions): readonly Check[] {
  return CHECKS.filter((check) => (only === null || only.includes(check.id)) && !skip.includes(check.id));
}

function metadataOf(snapshot: Snapshot, options: AnalyzeOptions, serverVersion: string | null): ReportMetadata {
  const { manifest } = snapshot;
  const version = serverVersion === null ? {} : { serverVersion };
  if (manifest === null) return { toolVersion: options.toolVersion, source: 'files', ...version };
  return {
    toolVersion: options.toolVersion,
    startedAt: manifest.startedAt,
    finishedAt: manifest.finishedAt,
    source: 'cluster',
    ...(manifest.context === null ? {} : { context: manifest.context }),
    ...(manifest.server === null ? {} : { server: manifest.server }),
    ...version,
  };
}

function summaries(
  checks: readonly Check[],
  world: World,
  ports: readonly ServicePortResult[],
  groups: readonly WeighedHits[],
  undecided: readonly OpenServiceQuestion[],
): readonly ServiceSummary[] {
  const portsOf = Map.groupBy(ports, (port) => `${port.namespace}/${port.service}`);
  const errors = groups.filter((group) => severityOf(group) === 'error');
  const failed = new Set(errors.flatMap(({ hits }) => hits.flatMap(servicesOf)));
  const dns = dnsStates(checks, world.services, groups, undecided);
  return world.services.map((view) => {
    const { service, withoutRules } = view;
    const { namespace, name, type } = service;
    const own = portsOf.get(`${namespace}/${name}`) ?? [];
    const states = own.flatMap((port) => INVARIANTS.map((invariant) => port.invariants[invariant].state));
    const judged = states.length === 0 ? 'not-applicable' : worstState(states);
    const state = failed.has(service) ? 'failed' : judged;
    return { namespace, name, type, ...(withoutRules === null ? {} : { withoutRules }), state, ...dns(view) };
  });
}

function servicesOf(hit: Hit): readonly Service[] {
  switch (hit.scope) {
    case 'service':
      return [hit.service.service];
    case 'service-port':
      return [hit.view.port.service];
    case 'node':
      return hit.ports.map((view) => view.port.service);
  }
}

function openNotes(open: readonly OpenHit[]): readonly Note[] {
  const subjects = new Map(open.map((hit) => [`${hit.view.port.id} on ${hit.view.on.node}`, hit.change]));
  return [...subjects].map(([subject, change]) => ({
    source: change === 'open' ? 'second look' : 'second reading of the API',
    text: change === 'open' ? `${subject} keeps changing while it is read` : `${subject} changed while it was read`,
    consequence: 'not judged there',
  }));
}

/** Services named in one note. */
const NAMED = 3;

/** Services of which the same is open for the same reason are one note. */
function serviceNotes(open: readonly OpenServiceQuestion[]): readonly Note[] {
  const groups = Map.groupBy(open, ({ check, because }) => `${check.id} ${because}`);
  return [...groups.values()].flatMap((members) => {
    const [first] = members;
    if (first === undefined) return [];
    const names = members.map(({ service: { service } }) => `${service.namespace}/${service.name}`);
    const more = names.length > NAMED ? ` and ${names.length - NAMED} more` : '';
    const text = `${names.slice(0, NAMED).join(', ')}${more}: ${first.because}`;
    return [{ source: first.check.id, text, consequence: `not judged whether ${first.check.title}` }];
  });
}

function objectNotes(world: World): readonly Note[] {
  return world.cluster.notes.map((note) => ({
    source: note.source,
    text: `${note.where}: ${note.text}`,
    consequence: 'set aside',
  }));
}
