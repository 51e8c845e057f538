/**
 * How much of a packet's probability has come to one place, and under which answers to the open questions.
 *
 * A question nobody could answer (is this address local? is it in that ipset?) splits the walk in two. The halves are
 * no chances: in reality one of them is everything. So a weight is a sum of parts, each with the answers it assumes;
 * for every combination of answers the parts that agree with it add up to the true probability. Where both answers
 * lead to the same place the parts join again and the question is forgotten: it did not matter.
 */
export interface Part {
  /** Sorted by question. */
  readonly assumed: readonly Assumption[];
  /** Equal text for equal assumptions; made once, compared often. */
  readonly id: string;
  readonly weight: number;
}

export interface Assumption {
  readonly question: string;
  readonly answer: boolean;
  /** Why there is a question. */
  readonly because: string;
}

/** No two parts assume the same. */
export type Weight = readonly Part[];

/** Everything, assuming nothing. */
export const WHOLE: Weight = [{ assumed: [], id: '', weight: 1 }];

/** The weight times a probability. */
export function scaled(weight: Weight, factor: number): Weight {
  return factor === 1 ? weight : weight.map((part) => ({ ...part, weight: part.weight * factor }));
}

/** Sum of the parts, each open question taken as an even coin: over all places these sums make 1. */
export function evenShare(weight: Weight): number {
  return weight.reduce((sum, { assumed, weight: own }) => sum + own / 2 ** assumed.length, 0);
}

/** The parts in which the question has this answer, or may have it. */
export function assuming(weight: Weight, { question, answer, because }: Assumption): Weight {
  const parts = weight.flatMap((part) => {
    const earlier = part.assumed.find((assumption) => assumption.question === question);
    if (earlier !== undefined) return earlier.answer === answer ? [part] : [];
    return [partOf(withAssumption(part.assumed, { question, answer, because }), part.weight)];
  });
  // A part that assumed nothing may now say the same as one that assumed this answer before.
  return parts.length < 2 ? parts : joined([], parts);
}

function withAssumption(assumed: readonly Assumption[], added: Assumption): readonly Assumption[] {
  return [...assumed, added].sort((a, b) => (a.question < b.question ? -1 : 1));
}

function partOf(assumed: readonly Assumption[], weight: number): Part {
  return { assumed, id: idOf(assumed), weight };
}

/** Both weights in one place. */
export function joined(one: Weight, other: Weight): Weight {
  const parts = new Map(one.map((part) => [part.id, part]));
  for (const part of other) addPart(parts, part);
  return [...parts.values()];
}

/** Adds one part; where its twin with one answer turned around is there, the common weight of both goes up one level. */
function addPart(parts: Map<string, Part>, part: Part): void {
  const there = parts.get(part.id);
  const sum = there === undefined ? part : { ...part, weight: part.weight + there.weight };
  parts.set(sum.id, sum);
  for (const assumption of sum.assumed) {
    const twin = parts.get(twinId(sum, assumption));
    if (twin !== undefined) return foldTwins(parts, sum, twin, assumption);
  }
}

function twinId({ assumed }: Part, turned: Assumption): string {
  return idOf(assumed.map((each) => (each === turned ? { ...each, answer: !each.answer } : each)));
}

function foldTwins(parts: Map<string, Part>, a: Part, b: Part, settled: Assumption): void {
  const common = Math.min(a.weight, b.weight);
  keep(parts, { ...a, weight: a.weight - common });
  keep(parts, { ...b, weight: b.weight - common });
  const rest = a.assumed.filter((each) => each !== settled);
  addPart(parts, partOf(rest, common));
}

/** Below this a rest is the rounding of two sums that are equal. */
const ROUNDING = 1e-12;

function keep(parts: Map<string, Part>, part: Part): void {
  if (part.weight > ROUNDING) parts.set(part.id, part);
  else parts.delete(part.id);
}

function idOf(assumed: readonly Assumption[]): string {
  return assumed.map(({ question, answer }) => `${answer ? '+' : '-'}${question}`).join('\n');
}
