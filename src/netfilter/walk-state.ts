import type { Ip } from '../model/address.ts';
import type { Packet, Tristate } from './packet.ts';
import { known, NO, unknown } from './packet.ts';
import type { Rule } from './rules.ts';
import type { Weight } from './walk-weight.ts';
import { joined } from './walk-weight.ts';

/** One rule that a packet met: it jumped, was marked, rewritten, counted, or ended here. */
export interface Step {
  /** Name of the save the rule stands in. */
  readonly source: string;
  readonly table: string;
  readonly chain: string;
  readonly rule: Rule;
}

/** Newest step first: states share the beginning of their paths. */
export interface Path {
  readonly step: Step;
  readonly before: Path | null;
}

/** What NAT made of the source. `to` is null when an address of the node is chosen (MASQUERADE). */
export interface SourceRewrite {
  readonly by: 'masquerade' | 'snat';
  readonly to: string | null;
}

/** Everything later rules can tell packets apart by. Two packets with equal values have one future. */
export interface PacketState {
  readonly source: Ip | null;
  readonly sourcePort: number | null;
  readonly destination: Ip;
  readonly destinationPort: number;
  readonly mark: number;
  readonly connmark: number;
  readonly untracked: boolean;
  /** A DNAT or REDIRECT was taken. */
  readonly translated: boolean;
  readonly sourceRewrite: SourceRewrite | null;
  readonly recent: ReadonlySet<string>;
}

/** A packet on its way: its state, how much of the probability it stands for, and how it mostly came here. */
export interface Traveller {
  readonly state: PacketState;
  readonly weight: Weight;
  /** Of all ways that led here, the likeliest. */
  readonly path: Path | null;
  /** How likely that one way is, each open question taken as an even coin. */
  readonly pathShare: number;
  /** A counter (`statistic --mode nth`) was taken for a chance on the way. */
  readonly periodic: boolean;
}

/** The packet before the first hook. */
export function initialState(packet: Packet): PacketState {
  return {
    source: packet.source,
    sourcePort: packet.sourcePort,
    destination: packet.destination,
    destinationPort: packet.destinationPort,
    mark: packet.mark >>> 0,
    connmark: 0,
    untracked: false,
    translated: false,
    sourceRewrite: null,
    recent: new Set(),
  };
}

/** States never change, and most rules leave a packet as it is: its text is made once. */
const ids = new WeakMap<PacketState, string>();

/** Equal text for equal states. */
export function stateId(state: PacketState): string {
  const there = ids.get(state);
  if (there !== undefined) return there;
  const made = printState(state);
  ids.set(state, made);
  return made;
}

function printState(state: PacketState): string {
  const { sourceRewrite, recent } = state;
  const rewrite = sourceRewrite === null ? '' : `${sourceRewrite.by} ${sourceRewrite.to ?? ''}`;
  const flags = `${state.untracked ? 'u' : ''}${state.translated ? 't' : ''}`;
  const lists = recent.size === 0 ? '' : [...recent].sort().join(',');
  return `${state.source ?? ''} ${state.sourcePort ?? ''} ${state.destination} ${state.destinationPort} ${state.mark} ${state.connmark} ${flags} ${rewrite}|${lists}`;
}

/** Whether the destination is another one than the packet came with: conntrack's DNAT bit. */
export function destinationChanged(state: PacketState, packet: Packet): boolean {
  return state.destination !== packet.destination || state.destinationPort !== packet.destinationPort;
}

/** Conntrack's SNAT bit. MASQUERADE may choose what the packet has already. */
export function sourceChanged(state: PacketState, packet: Packet): Tristate {
  if (state.sourceRewrite === null) return NO;
  if (state.source === null) return unknown('which address MASQUERADE chose is not known');
  return known(state.source !== packet.source || state.sourcePort !== packet.sourcePort);
}

/** Packets in one place, equal ones merged, by {@link stateId}. Keeps the order in which they came. */
export type Gathering = Map<string, Traveller>;

/** Adds one packet to those in a place. */
export function gather(gathering: Gathering, traveller: Traveller): void {
  const id = stateId(traveller.state);
  const there = gathering.get(id);
  gathering.set(id, there === undefined ? traveller : mergeTravellers(there, traveller));
}

/** Equal packets merged. */
export function gathered(travellers: readonly Traveller[]): readonly Traveller[] {
  if (travellers.length < 2) return travellers;
  const gathering: Gathering = new Map();
  for (const traveller of travellers) gather(gathering, traveller);
  return [...gathering.values()];
}

/** One traveller for two that are equal. Which path is told does not depend on the order of merging. */
export function mergeTravellers(one: Traveller, other: Traveller): Traveller {
  const { path, pathShare } = likelierPath(one, other);
  return {
    state: one.state,
    path,
    pathShare,
    weight: joined(one.weight, other.weight),
    periodic: one.periodic || other.periodic,
  };
}

/** Likelihoods that differ by a smaller part are the rounding of equal ones. */
const ROUNDING = 1e-9;

/**
 * Of equally likely ways the one with fewer rules, then the one through earlier rules: an order that stays the same
 * when both ways go on together, so that it does not matter when they were compared.
 */
function likelierPath(one: Traveller, other: Traveller): Traveller {
  const difference = one.pathShare - other.pathShare;
  if (Math.abs(difference) > ROUNDING * one.pathShare) return difference > 0 ? one : other;
  const steps = stepsOf(one.path);
  const otherSteps = stepsOf(other.path);
  if (steps.length !== otherSteps.length) return steps.length < otherSteps.length ? one : other;
  const at = steps.findIndex(({ rule }, index) => rule !== otherSteps[index]?.rule);
  return (steps[at]?.rule.line ?? 0) <= (otherSteps[at]?.rule.line ?? 0) ? one : other;
}

/** The rules of a path, oldest first. */
export function stepsOf(path: Path | null): readonly Step[] {
  const steps: Step[] = [];
  for (let at = path; at !== null; at = at.before) steps.push(at.step);
  return steps.toReversed();
}
