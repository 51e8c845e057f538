import { ruleKey } from '../netfilter/print.ts';
import type { Match, Rule, Target } from '../netfilter/rules.ts';
import type { ExpectedRule } from './expectation.ts';

/** True when the rule is the expected one, or one of the forms that are exactly as good. Comments do not count. */
export function isExpected(expected: ExpectedRule, actual: Rule): boolean {
  return sameRule(expected.rule, actual) || expected.alternatives.some((form) => sameRule(form, actual));
}

/** Equality by meaning: first field by field, which is nearly always enough, then by the canonical key. */
export function sameRule(a: Rule, b: Rule): boolean {
  if (a.chain !== b.chain || !sameValue(a.target, b.target)) return false;
  return sameMatchesInOrder(a.matches, b.matches) || ruleKey(a) === ruleKey(b);
}

/** True when both select the same packets, wherever they send them. */
export function sameMatches(a: Rule, b: Rule): boolean {
  if (sameMatchesInOrder(a.matches, b.matches)) return true;
  const target: Target = { kind: 'none' };
  return ruleKey({ ...a, target }) === ruleKey({ ...b, chain: a.chain, target });
}

/** True when both send packets the same way, whatever they select. */
export function sameTarget(a: Rule, b: Rule): boolean {
  return sameValue(a.target, b.target);
}

function sameMatchesInOrder(a: readonly Match[], b: readonly Match[]): boolean {
  return a.length === b.length && a.every((match, index) => sameValue(match, b[index]));
}

function sameValue(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
  const entries = Object.entries(a);
  const others = new Map<string, unknown>(Object.entries(b));
  return entries.length === others.size && entries.every(([key, value]) => sameValue(value, others.get(key)));
}
