import type { Obstacle, PortView } from '../checks/world.ts';
import { printAddressPort } from '../model/address.ts';
import type { Ruleset, Table } from '../netfilter/rules.ts';
import { walk, type Outcome } from '../netfilter/walk.ts';
import { contextOf, judgeOutcome } from './effects.ts';
import { flowsOf, rareFlowsOf, type Flow } from './flows.ts';
import { alikeKey } from './foreign.ts';
import { flowName } from './impact.ts';
import { leadsToProxy, proxyRules } from './proxy-rules.ts';

/** Less than this is rounding. */
const NOISE = 1e-3;

/**
 * Walks connections through all rules of the node, and through kube-proxy's alone: what is answered by the second and
 * not by the first is somebody else's doing. Only what is certain counts: a rule whose answer is not known stops nothing.
 */
export function obstaclesOf(view: PortView): readonly Obstacle[] {
  if (!hasForeignRules(view.on.index.ruleset)) return [];
  const key = alikeKey(view);
  const free = freeKeys(view.on);
  if (key !== null && free.has(key)) return [];
  const found = walkAll(view);
  if (key !== null && found.length === 0) free.add(key);
  return found;
}

const freeOf = new WeakMap<PortView['on'], Set<string>>();

/** Of a node: kinds of ports that were walked and met nothing. */
function freeKeys(on: PortView['on']): Set<string> {
  const there = freeOf.get(on) ?? new Set();
  freeOf.set(on, there);
  return there;
}

function walkAll(view: PortView): readonly Obstacle[] {
  const { ruleset } = view.on.index;
  return [...flowsOf(view), ...rareFlowsOf(view)].flatMap((flow) => {
    const isAnswered = (outcome: Outcome): boolean => judgeOutcome(view, flow, outcome).result === 'answered';
    const answered = total(walkFlow(view, flow, proxyRules(ruleset)).filter(isAnswered));
    if (answered < NOISE) return [];
    const outcomes = walkFlow(view, flow, ruleset);
    if (outcomes.some(({ undetermined, disposition }) => undetermined.length > 0 || disposition === 'undetermined')) {
      return certainStops(view, flow, outcomes);
    }
    const astray = outcomes.filter((outcome) => !isAnswered(outcome) && !isTakenOver(outcome));
    const fine = total(outcomes) - total(astray);
    return answered - fine < NOISE ? [] : astray.map((outcome) => obstacle(view, flow, outcome));
  });
}

/** Where some questions are open, what is stopped whatever their answers. */
function certainStops(view: PortView, flow: Flow, outcomes: readonly Outcome[]): readonly Obstacle[] {
  return outcomes
    .filter(({ disposition, undetermined }) => undetermined.length === 0 && isStop(disposition))
    .filter(({ translated }) => translated || flow.kind === 'health-check')
    .map((outcome) => obstacle(view, flow, outcome));
}

/**
 * NodeLocal DNSCache has the address of the cluster DNS on the node itself, and keeps connection tracking, and with it
 * kube-proxy, off these packets on purpose.
 */
function isTakenOver({ via }: Outcome): boolean {
  return via.some(({ rule: { target } }) => {
    if (target.kind !== 'opaque') return false;
    return target.name === 'NOTRACK' || (target.name === 'CT' && target.options.includes('--notrack'));
  });
}

function isStop(disposition: Outcome['disposition']): boolean {
  return disposition === 'dropped' || disposition === 'rejected';
}

const foreign = new WeakMap<Ruleset, boolean>();

/** A rule or policy of a built-in chain that is not kube-proxy's. */
export function hasForeignRules(ruleset: Ruleset): boolean {
  const known = foreign.get(ruleset) ?? [...ruleset.tables.values()].some(isForeignTable);
  foreign.set(ruleset, known);
  return known;
}

function isForeignTable(table: Table): boolean {
  for (const chain of table.chains.values()) {
    if (chain.policy === null) continue;
    if (chain.policy !== 'ACCEPT' || chain.rules.some((rule) => !leadsToProxy(rule))) return true;
  }
  return false;
}

function walkFlow(view: PortView, flow: Flow, ruleset: Ruleset): readonly Outcome[] {
  return walk([ruleset], flow.packet, contextOf(view), { origin: flow.origin, remembered: flow.remembered }).outcomes;
}

function obstacle(view: PortView, flow: Flow, outcome: Outcome): Obstacle {
  const decidedBy = isStop(outcome.disposition) ? outcome.decidedBy : lastForeign(outcome);
  return {
    flow: flowName(flow),
    client: flow.client,
    toOuterAddress: flow.kind === 'vip' && flow.packet.destination !== view.port.clusterIP,
    share: outcome.share,
    endpoint: printAddressPort(outcome.destination, outcome.destinationPort),
    verdict: VERDICTS[outcome.disposition],
    rule: decidedBy === null ? null : { table: decidedBy.table, rule: decidedBy.rule },
    because: outcome.because ?? 'a rule of other software ends the chain',
  };
}

/** What was let through, and yet not as it should be: by the last rule that is not kube-proxy's. */
function lastForeign({ via }: Outcome): Outcome['decidedBy'] {
  return via.findLast(({ rule }) => !rule.chain.startsWith('KUBE-') && !leadsToProxy(rule)) ?? null;
}

const VERDICTS: Readonly<Record<Outcome['disposition'], Obstacle['verdict']>> = {
  dropped: 'dropped',
  rejected: 'rejected',
  delivered: 'sent past the way back',
  untranslated: 'kept from being translated',
  loop: 'kept from being translated',
  undetermined: 'kept from being translated',
};

function total(outcomes: readonly Outcome[]): number {
  return outcomes.reduce((sum, outcome) => sum + outcome.share, 0);
}
