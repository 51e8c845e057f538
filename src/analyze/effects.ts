import type { RuleProof } from '../checks/check.ts';
import type { PortView } from '../checks/world.ts';
import { assemblePort } from '../kubeproxy/assemble.ts';
import { printAddressPort, type Ip } from '../model/address.ts';
import type { Effect, EffectOutcome } from '../model/report.ts';
import type { Endpoint } from '../model/service.ts';
import { isLoopback, nodeWithAddresses, type NodeContext } from '../netfilter/packet.ts';
import type { Ruleset } from '../netfilter/rules.ts';
import { walk, type Outcome } from '../netfilter/walk.ts';
import { flowsOf, rareFlowsOf, type Flow } from './flows.ts';
import { proxyRules } from './proxy-rules.ts';

/** What happens to one kind of connection by the node's rules, beside what should happen. */
export interface FlowEffect {
  readonly flow: Flow;
  readonly actual: readonly EffectOutcome[];
  readonly wanted: readonly EffectOutcome[];
  readonly differs: boolean;
  /** Rules the likeliest of these connections met, in order. */
  readonly via: readonly RuleProof[];
}

/** Shares that differ by less than this are the same: one rounding of the kernel for each of 1,000 endpoints. */
const SHARE_TOLERANCE = 1e-3;

/**
 * Walks each kind of connection to the port through the node's rules as they are, and through those kube-proxy should
 * have written. The difference is the impact of whatever is wrong.
 */
export function effectsOf(view: PortView, flows = flowsOf(view)): readonly FlowEffect[] {
  const wantedRules = assemblePort(view.on.comparison.expected, view.expected, view.port.family);
  const context = contextOf(view);
  return flows.map((flow) => {
    const walked = walkFlow(flow, proxyRules(view.on.index.ruleset), context);
    const actual = outcomesOf(view, flow, walked);
    const wanted = outcomesOf(view, flow, walkFlow(flow, wantedRules, context));
    return { flow, actual, wanted, differs: !sameOutcomes(actual, wanted), via: viaOf(walked) };
  });
}

/** Everything a walk can tell of the port; the effects on usual connections first. */
export interface PortEffects {
  readonly usual: readonly FlowEffect[];
  /** Those that differ; walked only where nothing of the usual does. */
  readonly rare: readonly FlowEffect[];
}

const known = new WeakMap<PortView, PortEffects>();

export function allEffectsOf(view: PortView): PortEffects {
  const there = known.get(view);
  if (there !== undefined) return there;
  const usual = effectsOf(view);
  const felt = usual.some((effect) => effect.differs);
  const rare = felt ? [] : effectsOf(view, rareFlowsOf(view)).filter((effect) => effect.differs);
  known.set(view, { usual, rare });
  return { usual, rare };
}

/** The form a report keeps. */
export function reportEffect(view: PortView, effect: FlowEffect): Effect {
  return {
    node: view.on.node,
    servicePort: view.port.id,
    client: effect.flow.client,
    ...(effect.flow.hairpin ? { hairpin: true } : {}),
    destination: effect.flow.destination,
    outcomes: effect.actual,
  };
}

/** The node's addresses as the API knows them; a pod's or a Service's address is none of them. */
export function contextOf(view: PortView): NodeContext {
  const addresses = new Set<Ip>([...view.on.settings.nodeIPs, ...(view.on.facts?.addresses ?? [])]);
  return nodeWithAddresses({ localAddresses: addresses, complete: true });
}

function walkFlow(flow: Flow, rules: Ruleset, context: NodeContext): readonly Outcome[] {
  return walk([rules], flow.packet, context, { origin: flow.origin, remembered: flow.remembered }).outcomes;
}

function viaOf(outcomes: readonly Outcome[]): readonly RuleProof[] {
  return (outcomes[0]?.via ?? []).map(({ table, rule }) => ({ table, rule }));
}

function outcomesOf(view: PortView, flow: Flow, outcomes: readonly Outcome[]): readonly EffectOutcome[] {
  const merged = new Map<string, EffectOutcome>();
  for (const outcome of outcomes) {
    const effect = judgeOutcome(view, flow, outcome);
    const key = `${effect.result} ${effect.endpoint ?? ''} ${effect.masqueraded} ${effect.remembered?.join() ?? ''} ${effect.because ?? ''}`;
    const known = merged.get(key);
    merged.set(key, known === undefined ? effect : { ...effect, share: known.share + effect.share });
  }
  return [...merged.values()].toSorted(
    (a, b) =>
      b.share - a.share || (a.endpoint ?? '').localeCompare(b.endpoint ?? '') || a.result.localeCompare(b.result),
  );
}

/** How one outcome looks to who connects. */
export function judgeOutcome(view: PortView, flow: Flow, outcome: Outcome): EffectOutcome {
  const lists = outcome.recent.map((entry) => entry.slice(0, entry.indexOf(' ')));
  const base = {
    share: outcome.share,
    // The node's own packets have its address without that.
    masqueraded: outcome.masqueraded && !isNodeAddress(view, flow),
    ...(lists.length === 0 ? {} : { remembered: lists }),
  };
  const endpoint = printAddressPort(outcome.destination, outcome.destinationPort);
  switch (outcome.disposition) {
    case 'rejected':
      return { ...base, result: 'refused', because: 'a rule rejects them' };
    case 'dropped':
      return { ...base, result: 'no-answer', because: 'a rule drops them' };
    case 'loop':
      return { ...base, result: 'no-answer', because: 'chains lead back to each other, which no kernel loads' };
    case 'undetermined':
      return { ...base, result: 'undetermined', because: outcome.because ?? 'a rule on the way is not understood' };
    case 'untranslated':
      // kube-proxy itself answers there.
      if (flow.kind === 'health-check' || flow.kind === 'passing') return { ...base, result: 'answered' };
      return flow.kind === 'node-port'
        ? { ...base, result: 'refused', because: `nothing translates them, and nothing listens on the node port` }
        : { ...base, result: 'no-answer', because: `nothing translates them, and no machine has the address` };
    case 'delivered':
      return { ...base, endpoint, ...answerOf(view, flow, outcome) };
  }
}

function isNodeAddress(view: PortView, { packet }: Flow): boolean {
  return view.on.settings.nodeIPs.includes(packet.source) && !isLoopback(packet.source);
}

/** Whether a translated connection finds somebody, and the answer its way back. */
function answerOf(view: PortView, flow: Flow, outcome: Outcome): Pick<EffectOutcome, 'result' | 'because'> {
  const known = view.on.endpoints(view.port);
  const endpoint = known.find(({ ip, port }) => ip === outcome.destination && port === outcome.destinationPort);
  if (endpoint === undefined) return { result: 'elsewhere', because: 'which is no endpoint of the Service port' };
  // A SNAT of other software serves as well: the answer comes back to whoever it names.
  if (outcome.masqueraded || outcome.snatTo !== null) return { result: 'answered' };
  if (isLoopback(flow.packet.source)) {
    return { result: 'no-answer', because: 'no other machine answers an address of its own loopback' };
  }
  if (flow.packet.source === outcome.destination && flow.client === 'pod') {
    return { result: 'no-answer', because: 'the endpoint sees its own address as the client and answers itself' };
  }
  return flow.client === 'external' || flow.remote ? answerPastNode(view, endpoint) : { result: 'answered' };
}

/** The answer to a client outside must come back through the node that translated the connection. */
function answerPastNode(view: PortView, endpoint: Endpoint): Pick<EffectOutcome, 'result' | 'because'> {
  if (endpoint.node === view.on.node) return { result: 'answered' };
  return endpoint.node === null
    ? { result: 'undetermined', because: 'where the endpoint runs is not known, so the way of its answer is not' }
    : {
        result: 'no-answer',
        because: 'the answer goes from the other node straight to the client, who does not know the sender',
      };
}

function sameOutcomes(a: readonly EffectOutcome[], b: readonly EffectOutcome[]): boolean {
  const shares = new Map<string, number>();
  const add = (outcomes: readonly EffectOutcome[], sign: number): void => {
    for (const { result, endpoint, masqueraded, remembered = [], share } of outcomes) {
      const arrived = result === 'answered' || result === 'elsewhere';
      const key = `${result} ${arrived ? `${endpoint ?? ''} ${masqueraded} ${remembered.join()}` : ''}`;
      shares.set(key, (shares.get(key) ?? 0) + sign * share);
    }
  };
  add(a, 1);
  add(b, -1);
  return [...shares.values()].every((share) => Math.abs(share) < SHARE_TOLERANCE);
}
