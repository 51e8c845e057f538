import type { Chain, ChainName, Rule } from './rules.ts';
import { splitByRule } from './walk-rule.ts';
import type { Ending, TableVisit } from './walk-run.ts';
import { isTooIntricate } from './walk-run.ts';
import type { Gathering, Step, Traveller } from './walk-state.ts';
import { gather } from './walk-state.ts';
import type { Onward } from './walk-target.ts';
import { end, takeTarget } from './walk-target.ts';

/** Chains a packet has jumped through, outermost first. */
export type Stack = readonly ChainName[];

/** Deeper than any rule set the nft variant accepts (16) and than people write for the legacy one. */
const DEEPEST = 200;

/** Packets between the rules of one chain: who waits at which position, and who has left. */
interface Passage {
  readonly visit: TableVisit;
  readonly chain: Chain;
  readonly waiting: Map<number, Gathering>;
  readonly left: Gathering;
}

/**
 * Takes packets through a chain, all together: at each rule the equal ones have become one, so a list of a thousand
 * balancing rules costs a thousand steps. Returns the packets that leave the chain by its end or by RETURN; those with
 * a verdict are gone.
 */
export function runChain(
  visit: TableVisit,
  chain: Chain,
  stack: Stack,
  arrivals: readonly Traveller[],
): readonly Traveller[] {
  const passage: Passage = { visit, chain, waiting: new Map(), left: new Map() };
  for (const traveller of arrivals) waitFrom(passage, 0, traveller);
  let position = firstWaiting(passage);
  while (position !== null) {
    standAt(passage, position, stack);
    position = firstWaiting(passage);
  }
  return [...passage.left.values()];
}

/** Puts a packet to the next rule it could match, or out of the chain. */
function waitFrom({ visit, chain, waiting, left }: Passage, from: number, traveller: Traveller): void {
  const position = visit.run.nextRule(chain, from, traveller.state, visit.run.packet.protocol);
  if (position >= chain.rules.length) return gather(left, traveller);
  const there = waiting.get(position) ?? new Map();
  gather(there, traveller);
  waiting.set(position, there);
}

function firstWaiting({ waiting }: Passage): number | null {
  let first: number | null = null;
  for (const position of waiting.keys()) if (first === null || position < first) first = position;
  return first;
}

function standAt(passage: Passage, position: number, stack: Stack): void {
  const { visit, chain, waiting, left } = passage;
  const rule = chain.rules[position];
  const here = [...(waiting.get(position)?.values() ?? [])];
  waiting.delete(position);
  if (rule === undefined) return;
  const place = { chain: chain.name, position };
  const matched: Traveller[] = [];
  for (const traveller of here) {
    if (isLost(visit, traveller)) continue;
    const split = splitByRule(visit, rule, place, traveller);
    for (const missed of split.missed) waitFrom(passage, position + 1, missed);
    if (split.matched !== null) matched.push(withStep(split.matched, stepOf(visit, rule)));
  }
  if (matched.length === 0) return;
  const { onward, returned } = follow(visit, rule, stack, matched);
  for (const traveller of onward) waitFrom(passage, position + 1, traveller);
  for (const traveller of returned) gather(left, traveller);
}

/** Leads packets where the target of their rule says. */
function follow(visit: TableVisit, rule: Rule, stack: Stack, travellers: readonly Traveller[]): Onward {
  const { target } = rule;
  if (!('chain' in target)) return takeTarget(visit, target, travellers);
  const back = enter(visit, target.chain, stack, travellers);
  // After goto no way back is kept: whoever falls off the other chain returns to where this one was called from.
  return target.kind === 'jump' ? { onward: back, returned: [] } : { onward: [], returned: back };
}

function enter(
  visit: TableVisit,
  name: ChainName,
  stack: Stack,
  travellers: readonly Traveller[],
): readonly Traveller[] {
  const chain = visit.table.chains.get(name);
  if (chain === undefined) end(visit, travellers, 'undetermined', `the chain ${name} is not in the save`);
  else if (stack.includes(name))
    end(visit, travellers, 'loop', [...stack.slice(stack.indexOf(name)), name].join(' → '));
  else if (stack.length >= DEEPEST)
    end(visit, travellers, 'undetermined', `more than ${DEEPEST} chains inside each other`);
  else return runChain(visit, chain, [...stack, name], travellers);
  return [];
}

/** Ends a packet that costs more than anybody would wait for, and says so. */
function isLost({ run }: TableVisit, traveller: Traveller): boolean {
  run.budget -= traveller.weight.length;
  const spent = run.budget < 0;
  if (!spent && !isTooIntricate(traveller.weight)) return false;
  const because = spent ? 'the walk takes too many steps' : 'too many questions on the way could not be answered';
  const ending: Ending = { disposition: 'undetermined', traveller, decidedBy: null, because };
  run.endings.push(ending);
  return true;
}

function stepOf({ source, table }: TableVisit, rule: Rule): Step {
  return { source, table: table.name, chain: rule.chain, rule };
}

function withStep(traveller: Traveller, step: Step): Traveller {
  return { ...traveller, path: { step, before: traveller.path } };
}
