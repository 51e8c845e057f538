import type { Obstacle, PortView } from '../checks/world.ts';
import { printAddressPort } from '../model/address.ts';
import type { Ruleset, Table } from '../netfilter/rules.ts';
import { walk, type Outcome } from '../netfilter/walk.ts';
import { contextOf } from './effects.ts';
import { flowsOf, type Flow } from './flows.ts';
import { flowName } from './impact.ts';
import { leadsToProxy, proxyRules } from './proxy-rules.ts';

/** Less than this is rounding. */
const NOISE = 1e-3;

/**
 * Walks connections through all rules of the node, and through kube-proxy's alone: what the first stop and the second do
 * not is somebody else's doing. Only what is certain counts: a rule whose answer is not known stops nothing here.
 */
export function obstaclesOf(view: PortView): readonly Obstacle[] {
  const { ruleset } = view.on.index;
  if (!hasForeignRules(ruleset)) return [];
  return flowsOf(view).flatMap((flow) => {
    const stopped = stoppedIn(view, flow, ruleset);
    if (stopped.length === 0) return [];
    const anyway = total(stoppedIn(view, flow, proxyRules(ruleset)));
    return total(stopped) - anyway < NOISE ? [] : stopped.map((outcome) => obstacle(flow, outcome));
  });
}

const foreign = new WeakMap<Ruleset, boolean>();

/** A rule or policy of a built-in chain that is not kube-proxy's. */
function hasForeignRules(ruleset: Ruleset): boolean {
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

function stoppedIn(view: PortView, flow: Flow, ruleset: Ruleset): readonly Outcome[] {
  const { outcomes } = walk([ruleset], flow.packet, contextOf(view), { origin: flow.origin });
  return outcomes.filter(
    ({ disposition, undetermined, translated }) =>
      (disposition === 'dropped' || disposition === 'rejected') && undetermined.length === 0 && translated,
  );
}

function obstacle(flow: Flow, outcome: Outcome): Obstacle {
  const { decidedBy } = outcome;
  return {
    flow: flowName(flow),
    share: outcome.share,
    endpoint: printAddressPort(outcome.destination, outcome.destinationPort),
    verdict: outcome.disposition === 'rejected' ? 'rejected' : 'dropped',
    rule: decidedBy === null ? null : { table: decidedBy.table, rule: decidedBy.rule },
    because: outcome.because ?? '',
  };
}

function total(outcomes: readonly Outcome[]): number {
  return outcomes.reduce((sum, outcome) => sum + outcome.share, 0);
}
