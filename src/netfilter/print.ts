import { ruleKey } from './print-key.ts';
import { printMatch, printMatches } from './print-match.ts';
import { quote } from './print-quote.ts';
import { printTarget } from './print-target.ts';
import type { Chain, Match, PlacedComment, Rule, Ruleset, Table } from './rules.ts';
import { headersOf, isHeader } from './save-header.ts';

export { printMatch, printTarget, ruleKey };

/**
 * The `-A` line of a rule without counters, as iptables-save 1.8.9 prints it: `-s -d -i -o -p` first, then the comment
 * unless the rule says otherwise, then the other matches in their order, then the target.
 */
export function printRule(rule: Rule): string {
  const matches = canonicalOrder(rule.matches);
  const headers = headersOf(matches);
  let text = `-A ${rule.chain}`;
  let done = 0;
  for (const comment of commentsOf(rule, headers)) {
    const at = Math.min(Math.max(comment.at, done), matches.length);
    text += `${printMatches(matches, done, at)} -m comment --comment ${quote(comment.text)}`;
    done = at;
  }
  text += printMatches(matches, done, matches.length);
  const target = printTarget(rule.target);
  return target === '' ? text : `${text} ${target}`;
}

const NO_COMMENTS: readonly PlacedComment[] = [];

function commentsOf(rule: Rule, headers: number): readonly PlacedComment[] {
  if (rule.comments !== undefined) return rule.comments;
  if (rule.comment === null) return NO_COMMENTS;
  return [{ text: rule.comment, at: Math.max(rule.commentAt ?? headers, headers) }];
}

/** Text that iptables-restore reads. Chains have no counters in a Ruleset: they are printed as zero. */
export function printRuleset(ruleset: Ruleset): string {
  return [...ruleset.tables.values()].map(printTable).join('');
}

function printTable(table: Table): string {
  const chains = [...table.chains.values()];
  const lines = [`*${table.name}`, ...chains.map(printChain)];
  for (const chain of chains) for (const rule of chain.rules) lines.push(printRule(rule));
  lines.push('COMMIT', '');
  return lines.join('\n');
}

function printChain(chain: Chain): string {
  return `:${chain.name} ${chain.policy ?? '-'} [0:0]`;
}

/** Order in which iptables prints what has no `-m`. */
function rankOfHeader(match: Match): number {
  switch (match.kind) {
    case 'source':
      return 0;
    case 'destination':
      return 1;
    case 'in-interface':
      return 2;
    case 'out-interface':
      return 3;
    case 'protocol':
      return 4;
    case 'opaque':
      return isHeader(match) ? rankOfOpaque(match.options) : 6;
    case 'protocol-module':
    case 'source-port':
    case 'destination-port':
    case 'multiport':
    case 'address-type':
    case 'mark':
    case 'connmark':
    case 'conntrack-state':
    case 'statistic-random':
    case 'statistic-nth':
    case 'recent':
    case 'nfacct':
    case 'set':
    case 'physdev':
    case 'unrecognised':
      return 6;
  }
}

function rankOfOpaque(options: readonly string[]): number {
  if (options.includes('-s')) return 0;
  return options.includes('-d') ? 1 : 5;
}

function canonicalOrder(matches: readonly Match[]): readonly Match[] {
  let last = 0;
  for (const match of matches) {
    const rank = rankOfHeader(match);
    if (rank < last) return matches.toSorted((a, b) => rankOfHeader(a) - rankOfHeader(b));
    last = rank;
  }
  return matches;
}
