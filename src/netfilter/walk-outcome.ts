import type { Ip } from '../model/address.ts';
import type { Rule } from './rules.ts';
import { boundsOf } from './walk-bounds.ts';
import type { FinalDisposition } from './walk-run.ts';
import type { Step, Traveller } from './walk-state.ts';
import { mergeTravellers, stepsOf } from './walk-state.ts';
import { evenShare } from './walk-weight.ts';

/**
 * What became of a packet. `delivered`: translated, and let through. `untranslated`: let through with the destination
 * it came with. `loop`: chains that call each other, which no kernel loads. `undetermined`: the rules do not tell.
 */
export type Disposition = 'delivered' | 'untranslated' | FinalDisposition;

/** One thing that can become of the packet, with its probability. */
export interface Outcome {
  /**
   * Probability. All shares of a walk make 1. Where `undetermined` is not empty it rests on even coins for questions
   * nobody could answer: then only the bounds are true.
   */
  readonly share: number;
  readonly atLeast: number;
  readonly atMost: number;
  readonly disposition: Disposition;
  readonly destination: Ip;
  readonly destinationPort: number;
  /** A DNAT or REDIRECT was taken. */
  readonly translated: boolean;
  readonly masqueraded: boolean;
  /** Text of `--to-source`; null without SNAT. */
  readonly snatTo: string | null;
  readonly mark: number;
  /** Entries `LIST address` that `-m recent --set` made, sorted. */
  readonly recent: readonly string[];
  /** The rule that rejected, dropped or could not be followed; null for a policy and for packets let through. */
  readonly decidedBy: Step | null;
  readonly because: string | null;
  /** Why the share is not certain; empty when it is. */
  readonly undetermined: readonly string[];
  /** The share counts a `statistic --mode nth`, which counts packets, as a chance. */
  readonly periodic: boolean;
  /** The rules that matched on the likeliest way here, in order. */
  readonly via: readonly Step[];
}

/** A packet at the end of its walk. */
export interface Arrival {
  readonly disposition: Disposition;
  readonly traveller: Traveller;
  readonly decidedBy: Step | null;
  readonly because: string | null;
}

/** Ends that differ in nothing but the way there are one outcome. Largest share first, then by destination. */
export function outcomesOf(arrivals: readonly Arrival[]): readonly Outcome[] {
  const numbers = new Map<Rule, number>();
  const merged = new Map<string, Arrival>();
  for (const arrival of arrivals) {
    const id = outcomeId(arrival, numbers);
    const there = merged.get(id);
    const traveller = there === undefined ? arrival.traveller : mergeTravellers(there.traveller, arrival.traveller);
    merged.set(id, { ...(there ?? arrival), traveller });
  }
  return [...merged.values()].map(toOutcome).sort(byShare);
}

function outcomeId({ disposition, traveller, decidedBy, because }: Arrival, numbers: Map<Rule, number>): string {
  const { destination, destinationPort, translated, sourceRewrite, mark, recent } = traveller.state;
  const rewrite = sourceRewrite === null ? '' : `${sourceRewrite.by} ${sourceRewrite.to ?? ''}`;
  const decider = decidedBy === null ? '' : numberOf(decidedBy.rule, numbers);
  const noted = [...recent].sort().join();
  return [disposition, destination, destinationPort, translated, rewrite, mark, noted, decider, because ?? ''].join(
    '|',
  );
}

function numberOf(rule: Rule, numbers: Map<Rule, number>): number {
  const number = numbers.get(rule) ?? numbers.size;
  numbers.set(rule, number);
  return number;
}

function toOutcome({ disposition, traveller, decidedBy, because }: Arrival): Outcome {
  const { state, weight, path, periodic } = traveller;
  const assumed = weight.flatMap((part) => part.assumed.map((assumption) => assumption.because));
  return {
    share: evenShare(weight),
    ...boundsOf(weight),
    disposition,
    destination: state.destination,
    destinationPort: state.destinationPort,
    translated: state.translated,
    masqueraded: state.sourceRewrite?.by === 'masquerade',
    snatTo: state.sourceRewrite?.by === 'snat' ? state.sourceRewrite.to : null,
    mark: state.mark,
    recent: [...state.recent].sort(),
    decidedBy,
    because,
    undetermined: [...new Set(assumed)].sort(),
    periodic,
    via: stepsOf(path),
  };
}

/** Shares that differ by less are the rounding of equal ones, and must not decide the order. */
const SAME_SHARE = 1e-9;

function byShare(a: Outcome, b: Outcome): number {
  if (Math.abs(a.share - b.share) > SAME_SHARE) return b.share - a.share;
  return compareText(sortKey(a), sortKey(b));
}

function sortKey({ destination, destinationPort, disposition, mark, decidedBy }: Outcome): string {
  return `${destination} ${destinationPort} ${disposition} ${mark} ${decidedBy?.table ?? ''} ${decidedBy?.chain ?? ''}`;
}

function compareText(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
