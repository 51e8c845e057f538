import type { Family } from './address.ts';

/** The rules of the asked-about Service ports on one node in one family, expected and actual. */
export type RuleSheet =
  | { readonly status: 'judged'; readonly node: string; readonly family: Family; readonly lines: readonly RuleLine[] }
  | { readonly status: 'unjudged'; readonly node: string; readonly because: string };

/** One rule. `same`: expected and there. `missing`: expected and not there. `surplus`: there and not expected. */
export interface RuleLine {
  readonly table: string;
  readonly chain: string;
  readonly kind: 'same' | 'missing' | 'surplus';
  readonly text: string;
  /** Line in the node's save; null for a rule that is not there. */
  readonly line: number | null;
}
