import type { Hit } from '../checks/run.ts';
import { brokenBy } from '../checks/run.ts';
import type { Fault, RuleProof } from '../checks/check.ts';
import type { FamilyView, PortView } from '../checks/world.ts';
import type { Confidence, Effect, Evidence, Finding, Severity } from '../model/report.ts';
import { printRule } from '../netfilter/print.ts';
import { effectsOf, reportEffect, type FlowEffect } from './effects.ts';
import { impactOf, stoppedImpact } from './impact.ts';
import { remedyFor } from './remedy.ts';

/** Findings that share the cause are one finding, whatever the number of nodes; the walk is done for this many of them. */
const WALKED_NODES = 3;
/** A finding about a whole node walks this many of the ports it hits. */
const WALKED_PORTS = 3;

const SEVERITIES: readonly Severity[] = ['error', 'warning', 'info'];
const CONFIDENCES: readonly Confidence[] = ['certain', 'likely', 'hint'];

/** Hits become findings: grouped by cause, worst first, with impact, proof and remedy. */
export function findingsOf(hits: readonly Hit[]): readonly Finding[] {
  const groups = Map.groupBy(hits, causeKey);
  const findings = [...groups.values()].map(toFinding).toSorted(byWeight);
  return findings.map((finding, index) => ({ ...finding, id: `${finding.code}-${index + 1}` }));
}

function causeKey(hit: Hit): string {
  switch (hit.scope) {
    case 'service':
      return `${hit.check.id} ${hit.service.service.namespace}/${hit.service.service.name} ${hit.fault.cause}`;
    case 'service-port':
      if (hit.fault.spansPorts === true) return `${hit.check.id} ${hit.fault.cause}`;
      return `${hit.check.id} ${hit.view.port.id}/${hit.view.port.protocol} ${hit.fault.cause}`;
    case 'node':
      return `${hit.check.id} ${hit.fault.cause}`;
  }
}

function toFinding(hits: readonly Hit[]): Finding {
  const [first] = hits;
  if (first === undefined) throw new Error('a finding needs a hit');
  const nodes = distinct(hits.flatMap(nodesOf));
  const walked = first.fault.stopped === undefined ? walk(hits) : null;
  const impact = impactWords(first.fault, walked, nodes.length);
  const harmless = walked !== null && walked.every(({ effect }) => !effect.differs);
  const { check, fault } = first;
  const found = distinct(hits.flatMap((hit) => (hit.fault.found === null ? [] : [hit.fault.found])));
  const [invariant] = brokenBy(first);
  return {
    id: check.id,
    code: check.id,
    severity: harmless ? (check.harmless ?? check.severity) : check.severity,
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
    ...(found.length === 0 ? {} : { found: found.join('; ') }),
    fix: fault.fix ?? remedyFor(nodes),
    explain: `explain ${check.id}`,
    ...(walked === null ? {} : { effects: walked.map(({ view, effect }): Effect => reportEffect(view, effect)) }),
  };
}

/** null: the fault is about an object, and no connection can be walked. */
function impactWords({ stopped }: Fault, walked: readonly Walked[] | null, nodes: number): string | null {
  if (stopped !== undefined) return stoppedImpact(stopped);
  if (walked === null) return null;
  return impactOf(
    walked.map(({ effect }) => effect),
    nodes,
  );
}

interface Walked {
  readonly view: PortView;
  readonly effect: FlowEffect;
}

/** null: the fault is about an object, which no walk can judge. */
function walk(hits: readonly Hit[]): readonly Walked[] | null {
  const views = hits.slice(0, WALKED_NODES).flatMap((hit) => viewsOf(hit).slice(0, WALKED_PORTS));
  if (hits.every((hit) => hit.scope === 'service') || views.length === 0) return null;
  return views.flatMap((view) => effectsOf(view).map((effect) => ({ view, effect })));
}

function viewsOf(hit: Hit): readonly PortView[] {
  switch (hit.scope) {
    case 'service':
      return [];
    case 'service-port':
      return [hit.view];
    case 'node':
      return hit.ports;
  }
}

function nodesOf(hit: Hit): readonly string[] {
  switch (hit.scope) {
    case 'service':
      return [];
    case 'service-port':
      return [hit.view.on.node];
    case 'node':
      return [hit.on.node];
  }
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

function evidence({ table, rule }: RuleProof, on: FamilyView): Evidence {
  return {
    node: on.node,
    family: on.family,
    source: on.index.ruleset.source,
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
