import type { PacketView, RulePlace } from './match-answer.ts';
import { matchPacket } from './match.ts';
import { recentAfter } from './match-recent.ts';
import type { Match, Rule } from './rules.ts';
import type { TableVisit } from './walk-run.ts';
import { underAssumption, viewOf } from './walk-run.ts';
import type { Traveller } from './walk-state.ts';
import { scaled } from './walk-weight.ts';

/** A packet at a rule, split by whether the rule matches; null for a part that cannot be. */
export interface Split {
  readonly matched: Traveller | null;
  readonly missed: readonly Traveller[];
}

/** Asks a rule's matches one after the other, as the kernel does: a later one is not asked when an earlier one fails. */
export function splitByRule(visit: TableVisit, rule: Rule, place: RulePlace, traveller: Traveller): Split {
  let matched: Traveller = traveller;
  let view = viewOf(visit, traveller.state);
  const missed: Traveller[] = [];
  for (const match of rule.matches) {
    const split = splitByMatch(match, view, place, matched);
    missed.push(...split.missed);
    if (split.matched === null) return { matched: null, missed };
    if (split.matched.state !== matched.state) view = viewOf(visit, split.matched.state);
    matched = split.matched;
  }
  return { matched, missed };
}

function splitByMatch(match: Match, view: PacketView, place: RulePlace, before: Traveller): Split {
  const answer = matchPacket(match, view, place);
  const traveller = afterMatch(match, view, before);
  switch (answer.is) {
    case 'yes':
      return { matched: traveller, missed: [] };
    case 'no':
      return { matched: null, missed: [traveller] };
    case 'chance': {
      const periodic = traveller.periodic || answer.periodic;
      const matched = withChance({ ...traveller, periodic }, answer.probability);
      return { matched, missed: [withChance({ ...traveller, periodic }, 1 - answer.probability)] };
    }
    case 'unknown': {
      const { question, because, holdsWhen } = answer;
      const missed = underAssumption(traveller, question, !holdsWhen, because);
      return {
        matched: underAssumption(traveller, question, holdsWhen, because),
        missed: missed === null ? [] : [missed],
      };
    }
  }
}

function withChance(traveller: Traveller, probability: number): Traveller {
  const { weight, pathShare } = traveller;
  return { ...traveller, weight: scaled(weight, probability), pathShare: pathShare * probability };
}

function afterMatch(match: Match, view: PacketView, traveller: Traveller): Traveller {
  if (match.kind !== 'recent') return traveller;
  const recent = recentAfter(match, view);
  return recent === traveller.state.recent ? traveller : { ...traveller, state: { ...traveller.state, recent } };
}
