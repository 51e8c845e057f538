import type { Hit } from '../checks/run.ts';
import { brokenBy } from '../checks/run.ts';
import type { RuleProof, StoppedFlow } from '../checks/check.ts';
import { insteadOfRestart } from '../checks/proxy-pods.ts';
import type { FamilyView } from '../checks/world.ts';
import type { Confidence, Effect, Evidence, Finding, Severity } from '../model/report.ts';
import { printRule } from '../netfilter/print.ts';
import { reportEffect } from './effects.ts';
import { impactOf, stoppedImpact } from './impact.ts';
import { remedyFor } from './remedy.ts';
import { viewsOf, type Walked, type WeighedHits } from './weigh.ts';

const SEVERITIES: readonly Severity[] = ['error', 'warning', 'info'];
const CONFIDENCES: readonly Confidence[] = ['certain', 'likely', 'hint'];

/** Hits of one cause become one finding; worst first. */
export function findingsOf(groups: readonly WeighedHits[]): readonly Finding[] {
  const findings = groups.map(toFinding).toSorted(byWeight);
  return findings.map((finding, index) => ({ ...finding, id: `${finding.code}-${index + 1}` }));
}

/** A fault that changes nothing for packets is no error, whatever it is. */
export function severityOf({ hits: [first], harmless }: WeighedHits): Severity {
  if (first === undefined) throw new Error('a finding needs a hit');
  const { check } = first;
  if (!harmless) return check.severity;
  return check.harmless ?? (check.severity === 'error' ? 'warning' : check.severity);
}

function toFinding(group: WeighedHits): Finding {
  const { hits, walked } = group;
  const [first] = hits;
  if (first === undefined) throw new Error('a finding needs a hit');
  const nodes = distinct(hits.flatMap(nodesOf));
  const impact = impactWords(hits, walked, nodes.length);
  const { check, fault } = first;
  const found = distinct(hits.flatMap((hit) => (hit.fault.found === null ? [] : [hit.fault.found])));
  const [invariant] = brokenBy(first);
  return {
    id: check.id,
    code: check.id,
    severity: severityOf(group),
    confidence: worst(
      hits.map((hit) => hit.fault.confidence),
      CONFIDENCES,
    ),
    ...(invariant === undefined ? {} : { invariant }),
    title: fault.title,
    ...(impact === null ? {} : { impact }),
    nodes,
    services: distinct(hits.flatMap(servicesOf)),
    servicePorts: distinct(hits.flatMap(portIds)),
    expected: distinct(hits.flatMap((hit) => hit.fault.expected)),
    actual: distinctEvidence(hits.flatMap(evidenceOf)),
    ...(found.length === 0
      ? {}
      : { found: `${found.slice(0, SHOWN_FOUND).join('; ')}${found.length > SHOWN_FOUND ? '; …' : ''}` }),
    fix: fault.fix ?? remedyOf(hits, nodes),
    explain: `explain ${check.id}`,
    ...(walked === null ? {} : { effects: walked.map(({ view, effect }): Effect => reportEffect(view, effect)) }),
  };
}

/** To have kube-proxy write its rules again, unless it is in trouble itself. */
function remedyOf(hits: readonly Hit[], nodes: readonly string[]): readonly string[] {
  const views = new Set(hits.flatMap(onOf));
  const troubled = distinct([...views].flatMap((on) => insteadOfRestart(on) ?? []));
  return troubled.length === 0 ? remedyFor(nodes) : troubled.slice(0, SHOWN_FIXES);
}

/** Commands for kube-proxies in trouble. */
const SHOWN_FIXES = 4;

function onOf(hit: Hit): readonly FamilyView[] {
  switch (hit.scope) {
    case 'service':
      return [];
    case 'service-port':
      return [hit.view.on];
    case 'node':
      return [hit.on];
  }
}

/** Service ports whose stopped connections are told one by one. */
const SHOWN_STOPPED = 3;
/** Different facts that stand in place of proof. */
const SHOWN_FOUND = 4;

/** null: the fault is about an object, and no connection can be walked. */
function impactWords(hits: readonly Hit[], walked: readonly Walked[] | null, nodes: number): string | null {
  const felt = hits.flatMap(({ fault }) => (fault.felt === undefined ? [] : [fault.felt.words]));
  if (felt.length > 0) return distinct(felt).join(' ');
  const stopped = hits.flatMap(stoppedBy);
  if (stopped.length > 0) {
    const more = new Set(hits.flatMap(portIds)).size - SHOWN_STOPPED;
    return `${stoppedImpact(stopped.slice(0, SHOWN_STOPPED).flat())}${more > 0 ? ` The same of ${more} more Service ports.` : ''}`;
  }
  if (walked === null) return null;
  return impactOf(
    walked.map(({ effect }) => effect),
    nodes,
  );
}

/** One entry for each Service port. A fault of nodes does the same at each of them: the first stands for all. */
function stoppedBy(hit: Hit, index: number): readonly (readonly StoppedFlow[])[] {
  const { fault } = hit;
  if (fault.stopped !== undefined) return [fault.stopped];
  const stops = hit.scope === 'node' && index === 0 ? hit.check.stops : undefined;
  return stops === undefined ? [] : viewsOf(hit).slice(0, SHOWN_STOPPED).map(stops);
}

function nodesOf(hit: Hit): readonly string[] {
  return onOf(hit).map(({ node }) => node);
}

function servicesOf(hit: Hit): readonly string[] {
  const services = hit.scope === 'service' ? [hit.service.service] : viewsOf(hit).map((view) => view.port.service);
  return services.map(({ namespace, name }) => `${namespace}/${name}`);
}

function portIds(hit: Hit): readonly string[] {
  return hit.scope === 'service' ? hit.service.ports.map((port) => port.id) : viewsOf(hit).map((view) => view.port.id);
}

function evidenceOf(hit: Hit): readonly Evidence[] {
  switch (hit.scope) {
    case 'service':
      return [];
    case 'service-port':
      return hit.fault.proof.map((proof) => evidence(proof, hit.view.on));
    case 'node':
      return hit.fault.proof.map((proof) => evidence(proof, hit.on));
  }
}

function evidence({ table, rule, source }: RuleProof, on: FamilyView): Evidence {
  return {
    node: on.node,
    family: on.family,
    source: source ?? on.index.ruleset.source,
    table,
    chain: rule.chain,
    line: rule.line,
    text: rule.raw === '' ? printRule(rule) : rule.raw.slice(Math.max(0, rule.raw.indexOf('-A '))),
  };
}

/** A rule that several ports show is one proof. */
function distinctEvidence(evidence: readonly Evidence[]): readonly Evidence[] {
  return [...new Map(evidence.map((rule) => [`${rule.node} ${rule.source} ${rule.line}`, rule])).values()];
}

function byWeight(a: Finding, b: Finding): number {
  return (
    SEVERITIES.indexOf(a.severity) - SEVERITIES.indexOf(b.severity) ||
    b.nodes.length - a.nodes.length ||
    compare(a.code, b.code) ||
    compare(a.servicePorts.join(), b.servicePorts.join()) ||
    compare(a.title, b.title) ||
    compare(a.nodes.join(), b.nodes.join())
  );
}

function worst<T>(values: readonly T[], order: readonly T[]): T {
  const sorted = values.toSorted((a, b) => order.indexOf(b) - order.indexOf(a));
  const [value] = sorted;
  if (value === undefined) throw new Error('nothing to compare');
  return value;
}

function distinct(values: readonly string[]): readonly string[] {
  return [...new Set(values)].toSorted(compare);
}

/** Code unit order: the same on every machine, whatever its locale. */
function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
