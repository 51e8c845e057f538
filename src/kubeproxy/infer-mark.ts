import type { Setting } from './expectation.ts';
import type { ProxyConfig } from './proxy-config.ts';
import type { RuleFacts } from './rule-facts.ts';
import { createVotes, type Votes } from './votes.ts';

/** The masquerade mark of a node: configured, its own if all its rules agree on it, else what most rules of all nodes have. */

const DEFAULT_MARK = 0x4000;
/** Set, tested and cleared, with the chance of one rule lost: fewer rules do not make a node an exception. */
const AGREEING = 3;

export function configuredMark(config: ProxyConfig): Setting<number> {
  return { value: 2 ** config.masqueradeBit, origin: 'configured', from: config.from };
}

export function inferMark(own: readonly RuleFacts[], all: Iterable<RuleFacts>): Setting<number> {
  const ownVotes = sumOf(own);
  const [first] = ownVotes.ranked();
  if (first !== undefined && first.count >= AGREEING && first.count === ownVotes.total()) {
    return { value: first.value, origin: 'inferred', from: `${first.count} rules of the node` };
  }
  const votes = sumOf(all);
  const winner = votes.winner();
  if (winner !== null) return { value: winner.value, origin: 'inferred', from: `${winner.count} rules of the nodes` };
  const tied = votes.ranked();
  const value = tied.find((vote) => vote.value === DEFAULT_MARK)?.value ?? tied[0]?.value ?? DEFAULT_MARK;
  return { value, origin: 'assumed', from: 'default of kube-proxy' };
}

function sumOf(facts: Iterable<RuleFacts>): Votes<number> {
  const votes = createVotes<number>(String);
  for (const node of facts) votes.addAll(node.marks);
  return votes;
}
