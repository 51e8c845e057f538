import type { Invariant } from '../model/report.ts';
import type { ServicePort } from '../model/service.ts';
import type { Rule, Ruleset } from '../netfilter/rules.ts';
import type { Check, Fault, Judgement, NodeCheck, PortCheck, ServiceCheck } from './check.ts';
import type { FamilyView, PortView, ServiceView, World } from './world.ts';

/** A fault, with where it was found. */
export type Hit =
  | { readonly scope: 'service'; readonly check: ServiceCheck; readonly fault: Fault; readonly service: ServiceView }
  | { readonly scope: 'service-port'; readonly check: PortCheck; readonly fault: Fault; readonly view: PortView }
  | {
      readonly scope: 'node';
      readonly check: NodeCheck;
      readonly fault: Fault;
      readonly on: FamilyView;
      /** The asked-about ports it concerns. */
      readonly ports: readonly PortView[];
    };

/** A question that could not be answered for one Service port on one node. */
export interface OpenQuestion {
  readonly check: Check;
  readonly view: PortView;
  readonly because: string;
}

/** A question that could not be answered for a Service. */
export interface OpenServiceQuestion {
  readonly check: ServiceCheck;
  readonly service: ServiceView;
  readonly because: string;
}

/** Which questions arise for a Service port on a node at all. */
export interface Applicability {
  /** Some endpoint is used on the node: I2. */
  readonly endpoints: boolean;
  /** There is a list to balance over: I3. */
  readonly balancing: boolean;
}

export interface RunResult {
  readonly hits: readonly Hit[];
  readonly open: readonly OpenQuestion[];
  readonly openServices: readonly OpenServiceQuestion[];
  readonly applicability: ReadonlyMap<FamilyView, ReadonlyMap<ServicePort, Applicability>>;
}

/**
 * Runs every check over its subjects. No check sees another's result; what suppresses what is said in the views. Service
 * ports are viewed one after the other, each by all checks, and only the views with hits are kept.
 */
export function runChecks(checks: readonly Check[], world: World): RunResult {
  const hits: Hit[] = [];
  const open: OpenQuestion[] = [];
  const applicability = new Map<FamilyView, ReadonlyMap<ServicePort, Applicability>>();
  const twins: Twins = new Map();
  for (const on of familyViews(world)) applicability.set(on, runOnFamily(checks, on, { hits, open, twins }));
  // Last: what these look up of all objects is not in memory while rules are compared.
  const openServices: OpenServiceQuestion[] = [];
  for (const check of checks) {
    if (check.scope !== 'service') continue;
    for (const service of world.services) runOnService(check, service, hits, openServices);
  }
  return { hits, open, openServices, applicability };
}

type CleanPorts = Map<ServicePort, Applicability>;

/** By rule set and settings: the ports in which nothing is wrong or open, whatever the node is called. */
type Twins = Map<Ruleset, Map<string, CleanPorts>>;

interface Results {
  readonly hits: Hit[];
  readonly open: OpenQuestion[];
  readonly twins: Twins;
}

function runOnFamily(
  checks: readonly Check[],
  on: FamilyView,
  { hits, open, twins }: Results,
): ReadonlyMap<ServicePort, Applicability> {
  const portChecks = checks.filter((check) => check.scope === 'service-port');
  const nodeResults = checks.flatMap((check) => (check.scope === 'node' ? runOnNode(check, on) : []));
  const applicability = new Map<ServicePort, Applicability>();
  const clean = nodeResults.length > 0 ? null : cleanPorts(on, twins);
  for (const port of on.ports) {
    const known = clean?.get(port);
    if (known !== undefined) {
      applicability.set(port, known);
      continue;
    }
    const before = hits.length + open.length;
    const view = on.viewOf(port);
    applicability.set(port, applicabilityOf(view));
    for (const result of nodeResults) if (result.check.hits(view)) result.ports.push(view);
    // A node without any rules is one fault, not one for each rule of each port.
    if (on.hasProxyRules) for (const check of portChecks) runOnPort(check, view, hits, open);
    if (hits.length + open.length === before && isSameEverywhere(port, on)) clean?.set(port, applicabilityOf(view));
  }
  for (const { check, judgement, ports } of nodeResults) {
    // It concerns nothing that was asked about, for example a family in which no Service has an address.
    if (ports.length === 0 && check.always !== true) continue;
    if (judgement.status === 'undetermined') {
      open.push(...ports.map((view) => ({ check, view, because: judgement.because })));
    } else {
      hits.push(...judgement.faults.map((fault) => ({ scope: 'node' as const, check, fault, on, ports })));
    }
  }
  return applicability;
}

/** What is known of the ports from a node that is the same in all that matters; null: it has no twin. */
function cleanPorts({ twin }: FamilyView, twins: Twins): CleanPorts | null {
  if (twin === null) return null;
  const ofRules = twins.get(twin.ruleset) ?? new Map<string, CleanPorts>();
  const clean: CleanPorts = ofRules.get(twin.settings) ?? new Map();
  twins.set(twin.ruleset, ofRules.set(twin.settings, clean));
  return clean;
}

/** Neither the node's endpoints, nor its zone, name or addresses make a difference to the rules of the port. */
function isSameEverywhere(port: ServicePort, on: FamilyView): boolean {
  const { internalTrafficPolicy, externalTrafficPolicy } = port.service;
  if (internalTrafficPolicy === 'Local' || externalTrafficPolicy === 'Local' || port.sourceRanges.length > 0)
    return false;
  return on.endpoints(port).every(({ zoneHints, nodeHints }) => zoneHints.length + nodeHints.length === 0);
}

function applicabilityOf({ expected, comparison }: PortView): Applicability {
  return APPLICABILITIES[expected.endpoints.reachable.length > 0 ? 1 : 0][comparison.balancing.length > 0 ? 1 : 0];
}

/** The four of them: a map of half a million ports on nodes holds no more objects than these. */
const APPLICABILITIES = [
  [
    { endpoints: false, balancing: false },
    { endpoints: false, balancing: true },
  ],
  [
    { endpoints: true, balancing: false },
    { endpoints: true, balancing: true },
  ],
] as const;

/** All invariants a hit breaks: its check's own, and what the fault adds. */
export function brokenBy({ check, fault }: Hit): readonly Invariant[] {
  return [...(check.invariant === null ? [] : [check.invariant]), ...(fault.alsoBreaks ?? [])];
}

function familyViews(world: World): readonly FamilyView[] {
  return world.nodes.flatMap((node) => (node.status === 'judged' ? node.families : []));
}

function runOnService(check: ServiceCheck, service: ServiceView, hits: Hit[], open: OpenServiceQuestion[]): void {
  if (!check.applies(service)) return;
  const judgement = check.judge(service);
  if (judgement.status === 'undetermined') open.push({ check, service, because: judgement.because });
  else hits.push(...judgement.faults.map((fault) => ({ scope: 'service' as const, check, fault, service })));
}

function runOnPort(check: PortCheck, view: PortView, hits: Hit[], open: OpenQuestion[]): void {
  if (!check.applies(view)) return;
  const judgement = readable(check.judge(view));
  if (judgement.status === 'undetermined') open.push({ check, view, because: judgement.because });
  else hits.push(...judgement.faults.map((fault) => ({ scope: 'service-port' as const, check, fault, view })));
}

interface NodeResult {
  readonly check: NodeCheck;
  readonly judgement: Judgement;
  /** Filled while the ports are viewed. */
  readonly ports: PortView[];
}

/** Nothing when the check finds nothing: then no port is asked about. */
function runOnNode(check: NodeCheck, on: FamilyView): readonly NodeResult[] {
  if (!check.applies(on)) return [];
  const judgement = readable(check.judge(on));
  return judgement.status === 'judged' && judgement.faults.length === 0 ? [] : [{ check, judgement, ports: [] }];
}

/** A fault that rests on a rule nobody understood is no fault: the question is open. */
function readable(judgement: Judgement): Judgement {
  if (judgement.status === 'undetermined') return judgement;
  const unclear = judgement.faults.flatMap((fault) => fault.proof).find(({ rule }) => isUnclear(rule));
  if (unclear === undefined) return judgement;
  return {
    status: 'undetermined',
    because: `the rule on line ${unclear.rule.line} is not understood: ${unclear.rule.raw}`,
  };
}

function isUnclear(rule: Rule): boolean {
  return rule.target.kind === 'unrecognised' || rule.matches.some((match) => match.kind === 'unrecognised');
}
