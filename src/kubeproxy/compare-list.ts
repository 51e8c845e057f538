import type { Chain, Rule } from '../netfilter/rules.ts';
import type { ExpectedRule } from './expectation.ts';
import { isExpected } from './same-rule.ts';

/** How an ordered list of rules differs from the expected one. */
export interface ListComparison {
  /** null: the chain itself is not there. */
  readonly chain: Chain | null;
  /** Required rules that are nowhere in the chain; `standing` is a rule in their place, if one differs there. */
  readonly missing: readonly { readonly expected: ExpectedRule; readonly standing: Rule | null }[];
  /** Expected rules that are there, but after rules they must precede. */
  readonly misplaced: readonly { readonly expected: ExpectedRule; readonly actual: Rule }[];
  /** Second and further copies of an expected rule. */
  readonly duplicates: readonly Rule[];
  /** Rules nobody expects, except those that stand in place of a missing one. */
  readonly surplus: readonly Rule[];
}

/**
 * Compares as kube-proxy wrote: an ordered list. The longest common subsequence is what is right; of the rest, an
 * expected rule that stands elsewhere is misplaced, and a rule between the same neighbours stands in its place.
 */
export function compareList(
  expected: readonly ExpectedRule[],
  chain: Chain | null,
  actual: readonly Rule[],
): ListComparison {
  const pairs = longestCommon(expected, actual);
  const pairedExpected = new Set(pairs.map(([index]) => index));
  const pairedActual = new Set(pairs.map(([, index]) => index));
  const unpairedActual = actual.filter((_, index) => !pairedActual.has(index));
  const missing: { expected: ExpectedRule; standing: Rule | null }[] = [];
  const misplaced: { expected: ExpectedRule; actual: Rule }[] = [];
  expected.forEach((rule, index) => {
    if (pairedExpected.has(index)) return;
    const elsewhere = take(unpairedActual, (candidate) => isExpected(rule, candidate));
    if (elsewhere !== null) misplaced.push({ expected: rule, actual: elsewhere });
    else if (rule.presence === 'required') missing.push({ expected: rule, standing: null });
  });
  const stood = missing.map(({ expected: rule }) => ({
    expected: rule,
    standing: take(unpairedActual, (candidate) => standsFor(rule.rule, candidate)),
  }));
  const duplicates = unpairedActual.filter((rule) => expected.some((wanted) => isExpected(wanted, rule)));
  const surplus = unpairedActual.filter((rule) => !duplicates.includes(rule));
  return { chain, missing: stood, misplaced, duplicates, surplus };
}

/** True when nothing differs. */
export function isSameList(list: ListComparison): boolean {
  return list.missing.length + list.misplaced.length + list.duplicates.length + list.surplus.length === 0;
}

/** A rule stands for another when it has the same kind of target: it was altered, rather than replaced. */
function standsFor(wanted: Rule, candidate: Rule): boolean {
  if (wanted.target.kind !== candidate.target.kind) return false;
  if (wanted.target.kind !== 'jump' || candidate.target.kind !== 'jump') return true;
  return wanted.target.chain === candidate.target.chain;
}

function take(rules: Rule[], wanted: (rule: Rule) => boolean): Rule | null {
  const index = rules.findIndex(wanted);
  return index < 0 ? null : (rules.splice(index, 1)[0] ?? null);
}

/** Index pairs of the longest common subsequence; linear when the lists are equal. */
function longestCommon(
  expected: readonly ExpectedRule[],
  actual: readonly Rule[],
): readonly (readonly [number, number])[] {
  const prefix = commonPrefix(expected, actual);
  const pairs: [number, number][] = Array.from({ length: prefix }, (_, index) => [index, index]);
  if (prefix === expected.length || prefix === actual.length) return pairs;
  const lengths = subsequenceLengths(expected, actual, prefix);
  let row = prefix;
  let column = prefix;
  while (row < expected.length && column < actual.length) {
    const wanted = expected[row];
    const rule = actual[column];
    if (wanted === undefined || rule === undefined) break;
    if (isExpected(wanted, rule)) pairs.push([row++, column++]);
    else if (at(lengths, row + 1, column) >= at(lengths, row, column + 1)) row++;
    else column++;
  }
  return pairs;
}

function commonPrefix(expected: readonly ExpectedRule[], actual: readonly Rule[]): number {
  let index = 0;
  for (; index < expected.length; index++) {
    const wanted = expected[index];
    const rule = actual[index];
    if (wanted === undefined || rule === undefined || !isExpected(wanted, rule)) break;
  }
  return index;
}

function subsequenceLengths(expected: readonly ExpectedRule[], actual: readonly Rule[], from: number): number[][] {
  const lengths: number[][] = [];
  for (let row = expected.length - 1; row >= from; row--) {
    const wanted = expected[row];
    const line: number[] = [];
    for (let column = actual.length - 1; column >= from; column--) {
      const rule = actual[column];
      const same = wanted !== undefined && rule !== undefined && isExpected(wanted, rule);
      line[column] = same
        ? 1 + at(lengths, row + 1, column + 1)
        : Math.max(at(lengths, row + 1, column), line[column + 1] ?? 0);
    }
    lengths[row] = line;
  }
  return lengths;
}

function at(lengths: readonly (readonly number[])[], row: number, column: number): number {
  return lengths[row]?.[column] ?? 0;
}
