/** Trials of every operator at many rules of one patient. */
import { OPERATORS } from './operators.ts';
import type { Operator, Spot } from './operators.ts';
import type { Patient, Trial } from './trial.ts';

export function* allTrials(patient: Patient): Generator<Trial> {
  const spots = patient.spots();
  for (const operator of OPERATORS) {
    for (const spot of spots) {
      const trial = patient.try(operator, spot);
      if (trial !== null) yield trial;
    }
  }
}

/** So many trials of each operator, the same ones for the same seed. */
export function* sampledTrials(patient: Patient, each: number, seed: number): Generator<Trial> {
  const random = generator(seed);
  for (const operator of OPERATORS) yield* take(patient, operator, shuffled(patient.spots(), random), each);
}

function* take(patient: Patient, operator: Operator, spots: readonly Spot[], each: number): Generator<Trial> {
  let done = 0;
  for (const spot of spots) {
    if (done === each) return;
    const trial = patient.try(operator, spot);
    if (trial === null) continue;
    done++;
    yield trial;
  }
}

/** A linear congruential generator: good enough to choose, and the same everywhere. */
function generator(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

function shuffled<T>(items: readonly T[], random: () => number): readonly T[] {
  const copy = [...items];
  for (let index = copy.length - 1; index > 0; index--) {
    const other = Math.floor(random() * (index + 1));
    const here = copy[index];
    const there = copy[other];
    if (here !== undefined && there !== undefined) [copy[index], copy[other]] = [there, here];
  }
  return copy;
}
