import type { Invariant } from '../model/report.ts';
import type { Rule } from '../netfilter/rules.ts';
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

export interface RunResult {
  readonly hits: readonly Hit[];
  readonly open: readonly OpenQuestion[];
}

/** Runs every check over its subjects. No check sees another's result; what suppresses what is said in the views. */
export function runChecks(checks: readonly Check[], world: World): RunResult {
  const hits: Hit[] = [];
  const open: OpenQuestion[] = [];
  for (const check of checks) {
    switch (check.scope) {
      case 'service':
        hits.push(...world.services.flatMap((service) => runOnService(check, service)));
        break;
      case 'service-port':
        for (const view of portViews(world)) runOnPort(check, view, hits, open);
        break;
      case 'node':
        for (const on of familyViews(world)) runOnNode(check, on, hits, open);
        break;
    }
  }
  return { hits, open };
}

/** All invariants a hit breaks: its check's own, and what the fault adds. */
export function brokenBy({ check, fault }: Hit): readonly Invariant[] {
  return [...(check.invariant === null ? [] : [check.invariant]), ...(fault.alsoBreaks ?? [])];
}

function familyViews(world: World): readonly FamilyView[] {
  return world.nodes.flatMap((node) => (node.status === 'judged' ? node.families : []));
}

/** A node without any rules is one fault, not one for each rule of each port. */
function portViews(world: World): readonly PortView[] {
  return familyViews(world).flatMap((family) => (family.hasProxyRules ? family.ports : []));
}

function runOnService(check: ServiceCheck, service: ServiceView): readonly Hit[] {
  if (!check.applies(service)) return [];
  const judgement = check.judge(service);
  return judgement.status === 'undetermined'
    ? []
    : judgement.faults.map((fault) => ({ scope: 'service', check, fault, service }));
}

function runOnPort(check: PortCheck, view: PortView, hits: Hit[], open: OpenQuestion[]): void {
  if (!check.applies(view)) return;
  const judgement = readable(check.judge(view));
  if (judgement.status === 'undetermined') open.push({ check, view, because: judgement.because });
  else hits.push(...judgement.faults.map((fault) => ({ scope: 'service-port' as const, check, fault, view })));
}

function runOnNode(check: NodeCheck, on: FamilyView, hits: Hit[], open: OpenQuestion[]): void {
  if (!check.applies(on)) return;
  const judgement = readable(check.judge(on));
  const ports = on.ports.filter((view) => check.hits(view));
  if (judgement.status === 'undetermined') {
    open.push(...ports.map((view) => ({ check, view, because: judgement.because })));
  } else {
    hits.push(...judgement.faults.map((fault) => ({ scope: 'node' as const, check, fault, on, ports })));
  }
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
