import type { Affinity } from './match-answer.ts';
import type { NodeContext, Packet } from './packet.ts';
import type { Ruleset } from './rules.ts';
import { runHook } from './walk-hook.ts';
import type { NextRule } from './walk-index.ts';
import { candidateRule } from './walk-index.ts';
import type { Arrival, Outcome } from './walk-outcome.ts';
import { outcomesOf } from './walk-outcome.ts';
import type { Hook, HookName, Run } from './walk-run.ts';
import { routed } from './walk-run.ts';
import type { PacketState, Traveller } from './walk-state.ts';
import { initialState } from './walk-state.ts';
import { WHOLE } from './walk-weight.ts';

export type { Disposition, Outcome } from './walk-outcome.ts';
export type { Step } from './walk-state.ts';

export interface WalkOptions {
  /** `forwarded`: comes in from outside or from a pod. `local`: a process of the node sends it. */
  readonly origin: 'forwarded' | 'local';
  /** Whether `-m recent` lists may know the client already; default `first-connection`. */
  readonly affinity?: Affinity;
  /** Lists of `-m recent` that have the client from before, and for how many seconds. */
  readonly remembered?: ReadonlyMap<string, number>;
  /** `nat`: where would it go; `all`: would it get there. Default `all`. */
  readonly tables?: 'nat' | 'all';
}

export interface WalkResult {
  /** Everything that can become of the packet; the shares make 1. */
  readonly outcomes: readonly Outcome[];
}

/** Rules looked at before a walk gives up: far more than 10,000 Services with 1,000 endpoints each need. */
const BUDGET = 2_000_000;

/**
 * Takes the first packet of a connection through the rules of a node as the kernel would, all its chances at once.
 * `rulesets`: the back ends in effect, of the packet's family.
 */
export function walk(
  rulesets: readonly Ruleset[],
  packet: Packet,
  context: NodeContext,
  options: WalkOptions,
): WalkResult {
  return walkLooking(candidateRule, rulesets, packet, context, options);
}

/** {@link walk} with a given way of finding the rules that could match. */
export function walkLooking(
  nextRule: NextRule,
  rulesets: readonly Ruleset[],
  packet: Packet,
  context: NodeContext,
  options: WalkOptions,
): WalkResult {
  const affinity = options.affinity ?? 'first-connection';
  const remembered = options.remembered ?? NOBODY;
  const run: Run = { packet, context, affinity, remembered, nextRule, endings: [], budget: BUDGET };
  const start: Traveller = { state: initialState(packet), weight: WHOLE, path: null, pathShare: 1, periodic: false };
  const journey: Journey = { run, rulesets, tables: options.tables ?? 'all' };
  const passed = options.origin === 'forwarded' ? walkIn(journey, start) : walkOut(journey, start);
  return { outcomes: outcomesOf([...passed.map(letThrough), ...run.endings]) };
}

const NOBODY: ReadonlyMap<string, number> = new Map();

function letThrough(traveller: Traveller): Arrival {
  const disposition = traveller.state.translated ? 'delivered' : 'untranslated';
  return { disposition, traveller, decidedBy: null, because: null };
}

interface Journey {
  readonly run: Run;
  readonly rulesets: readonly Ruleset[];
  readonly tables: 'nat' | 'all';
}

/** From outside: PREROUTING, then INPUT for the node's own addresses, FORWARD and POSTROUTING for all others. */
function walkIn(journey: Journey, start: Traveller): readonly Traveller[] {
  const { context } = journey.run;
  const hook = (name: HookName): Hook => hookFromOutside(name, journey.run);
  const { local, away } = routed(at(journey, hook('PREROUTING'), [start]), context);
  const received = at(journey, hook('INPUT'), local);
  const forwarded = at(journey, hook('FORWARD'), away);
  return [...received, ...at(journey, hook('POSTROUTING'), forwarded)];
}

/**
 * From a process of the node: OUTPUT and POSTROUTING; to the node itself the packet goes through `lo` and comes in
 * again, where NAT is settled and only the other tables look at it.
 */
function walkOut(journey: Journey, start: Traveller): readonly Traveller[] {
  const { context } = journey.run;
  const sent = at(journey, outgoing('OUTPUT', journey.run), [start]);
  const { local, away } = routed(at(journey, outgoing('POSTROUTING', journey.run), sent), context);
  const returning = at(journey, throughLoopback('PREROUTING'), local);
  return [...at(journey, throughLoopback('INPUT'), returning), ...away];
}

function at(journey: Journey, hook: Hook, travellers: readonly Traveller[]): readonly Traveller[] {
  return runHook(journey.run, journey.rulesets, hook, travellers, journey.tables);
}

const NONE = [''];

/** Before routing and on the way in there is no outgoing interface. */
const NO_INTERFACE = (): readonly string[] => NONE;

function hookFromOutside(name: HookName, { packet, context }: Run): Hook {
  const leaves = name === 'FORWARD' || name === 'POSTROUTING';
  const came = packet.inInterface;
  // Kernels before 5.10 hide the incoming interface from POSTROUTING, later ones show it.
  const visible = name === 'POSTROUTING' ? NONE : [];
  return {
    name,
    loopback: false,
    inInterfaces: came === null ? null : [came, ...visible],
    outInterfaces: leaves ? (state) => interfacesFor(state, packet, context) : NO_INTERFACE,
  };
}

/** OUTPUT sees the route of the destination the process asked for, also after DNAT; POSTROUTING the new one. */
function outgoing(name: HookName, { packet, context }: Run): Hook {
  const asked = initialState(packet);
  return {
    name,
    loopback: false,
    inInterfaces: NONE,
    outInterfaces: (state) => interfacesFor(name === 'OUTPUT' ? asked : state, packet, context),
  };
}

function throughLoopback(name: HookName): Hook {
  return { name, loopback: true, inInterfaces: ['lo'], outInterfaces: NO_INTERFACE };
}

function interfacesFor({ destination }: PacketState, packet: Packet, context: NodeContext): readonly string[] | null {
  if (destination === packet.destination && packet.outInterface !== null) return [packet.outInterface];
  if (context.isLocal(destination).is === 'yes') return ['lo'];
  const towards = context.interfaceTowards?.(destination) ?? null;
  return towards === null ? null : [towards];
}
