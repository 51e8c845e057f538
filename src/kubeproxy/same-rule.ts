import { ruleKey } from '../netfilter/print.ts';
import type { Match, Rule, Target } from '../netfilter/rules.ts';
import type { ExpectedRule } from './expectation.ts';

/** True when the rule is the expected one, or one of the forms that are exactly as good. Comments do not count. */
export function isExpected(expected: ExpectedRule, actual: Rule): boolean {
  return sameRule(expected.rule, actual) || expected.alternatives.some((form) => sameRule(form, actual));
}

/** Equality by meaning: first field by field, which is nearly always enough, then by the canonical key. */
export function sameRule(a: Rule, b: Rule): boolean {
  if (a.chain !== b.chain || !sameTarget(a, b)) return false;
  return sameMatchesInOrder(a.matches, b.matches) || ruleKey(a) === ruleKey(b);
}

/** True when both select the same packets, wherever they send them. */
export function sameMatches(a: Rule, b: Rule): boolean {
  if (sameMatchesInOrder(a.matches, b.matches)) return true;
  const target: Target = { kind: 'none' };
  return ruleKey({ ...a, target }) === ruleKey({ ...b, chain: a.chain, target });
}

/** True when both send packets the same way, whatever they select. */
export function sameTarget({ target: a }: Rule, { target: b }: Rule): boolean {
  if (a === b) return true;
  if (a.kind !== b.kind) return false;
  // The two that nearly all rules have go without the general comparison.
  if (a.kind === 'jump' && b.kind === 'jump') return a.chain === b.chain;
  if (a.kind === 'dnat' && b.kind === 'dnat' && a.flags.length + b.flags.length === 0) return a.to === b.to;
  return sameValue(a, b);
}

function sameMatchesInOrder(a: readonly Match[], b: readonly Match[]): boolean {
  if (a.length !== b.length) return false;
  for (let index = 0; index < a.length; index++) {
    const one = a[index];
    const other = b[index];
    if (one === undefined || other === undefined || !sameMatch(one, other)) return false;
  }
  return true;
}

function sameMatch(a: Match, b: Match): boolean {
  if (a === b) return true;
  if (a.kind !== b.kind) return false;
  // The kinds every Service rule has go without the general comparison.
  if (a.kind === 'source' && b.kind === 'source') return sameRange(a, b);
  if (a.kind === 'statistic-random' && b.kind === 'statistic-random') {
    return a.probability === b.probability && a.negated === b.negated;
  }
  return sameValue(a, b);
}

type SourceMatch = Extract<Match, { readonly kind: 'source' | 'destination' }>;

function sameRange(a: SourceMatch, b: SourceMatch): boolean {
  return a.cidr.base === b.cidr.base && a.cidr.prefix === b.cidr.prefix && a.negated === b.negated;
}

/** Deep equality of plain values; written for speed, it is asked a million times for a large cluster. */
function sameValue(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (!isObject(a) || !isObject(b)) return false;
  let count = 0;
  for (const key in a) {
    if (!sameValue(a[key], b[key])) return false;
    count++;
  }
  for (const _ in b) count--;
  return count === 0;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null;
}
