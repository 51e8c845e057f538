import type { Weight } from './walk-weight.ts';

/** Between which two numbers the true share lies, whatever the answers to the open questions are. */
export interface Bounds {
  readonly atLeast: number;
  readonly atMost: number;
}

/** Up to this many questions every combination of answers is tried; beyond, the bounds are true but wide. */
const QUESTIONS_TRIED = 6;

/** Smallest and largest sum of the parts over all combinations of answers. */
export function boundsOf(weight: Weight): Bounds {
  const questions = [...new Set(weight.flatMap(({ assumed }) => assumed.map(({ question }) => question)))];
  if (questions.length > QUESTIONS_TRIED) return wideBounds(weight);
  const sums = Array.from({ length: 2 ** questions.length }, (_, answers) =>
    sumWhere(weight, new Map(questions.map((question, bit) => [question, ((answers >> bit) & 1) === 1]))),
  );
  return { atLeast: Math.min(...sums), atMost: Math.min(1, Math.max(...sums)) };
}

function sumWhere(weight: Weight, answers: ReadonlyMap<string, boolean>): number {
  const holding = weight.filter(({ assumed }) =>
    assumed.every(({ question, answer }) => answers.get(question) === answer),
  );
  return holding.reduce((sum, part) => sum + part.weight, 0);
}

function wideBounds(weight: Weight): Bounds {
  const certain = weight.filter(({ assumed }) => assumed.length === 0);
  return { atLeast: sum(certain), atMost: Math.min(1, sum(weight)) };
}

function sum(weight: Weight): number {
  return weight.reduce((total, part) => total + part.weight, 0);
}
