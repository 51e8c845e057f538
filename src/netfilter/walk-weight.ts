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
  readonly weight: number;
}

export interface Assumption {
  readonly question: string;
  readonly answer: boolean;
  /** Why there is a question. */
  readonly because: string;
}

export type Weight = readonly Part[];

/** Everything, assuming nothing. */
export const WHOLE: Weight = [{ assumed: [], weight: 1 }];

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
  return weight.flatMap((part) => {
    const earlier = part.assumed.find((assumption) => assumption.question === question);
    if (earlier !== undefined) return earlier.answer === answer ? [part] : [];
    return [{ ...part, assumed: withAssumption(part.assumed, { question, answer, because }) }];
  });
}

function withAssumption(assumed: readonly Assumption[], added: Assumption): readonly Assumption[] {
  return [...assumed, added].sort((a, b) => (a.question < b.question ? -1 : 1));
}

/** Both weights in one place. */
export function joined(one: Weight, other: Weight): Weight {
  const [a] = one;
  const [b] = other;
  if (one.length === 1 && other.length === 1 && a?.assumed.length === 0 && b?.assumed.length === 0)
    return [{ assumed: a.assumed, weight: a.weight + b.weight }];
  const parts = new Map<string, Part>();
  for (const part of [...one, ...other]) addPart(parts, part);
  return [...parts.values()];
}

/** Adds one part; where its twin with one answer turned around is there, the common weight of both goes up one level. */
function addPart(parts: Map<string, Part>, part: Part): void {
  const id = idOf(part.assumed);
  const there = parts.get(id);
  const sum = { assumed: part.assumed, weight: part.weight + (there?.weight ?? 0) };
  parts.set(id, sum);
  for (const assumption of part.assumed) {
    const twinId = idOf(part.assumed.map((each) => (each === assumption ? { ...each, answer: !each.answer } : each)));
    const twin = parts.get(twinId);
    if (twin !== undefined) {
      foldTwins(parts, [id, sum], [twinId, twin], assumption);
      return;
    }
  }
}

type Entry = readonly [id: string, part: Part];

function foldTwins(parts: Map<string, Part>, [idA, a]: Entry, [idB, b]: Entry, settled: Assumption): void {
  const common = Math.min(a.weight, b.weight);
  keep(parts, idA, { ...a, weight: a.weight - common });
  keep(parts, idB, { ...b, weight: b.weight - common });
  addPart(parts, { assumed: a.assumed.filter((each) => each !== settled), weight: common });
}

/** Below this a rest is the rounding of two sums that are equal. */
const ROUNDING = 1e-12;

function keep(parts: Map<string, Part>, id: string, part: Part): void {
  if (part.weight > ROUNDING) parts.set(id, part);
  else parts.delete(id);
}

function idOf(assumed: readonly Assumption[]): string {
  return assumed.map(({ question, answer }) => `${answer ? '+' : '-'}${question}`).join('\n');
}
