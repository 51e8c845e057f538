/** What can go wrong in the list of a Service's endpoints. */
import type { Break } from './breaks.ts';
import { balancingRules } from './chains.ts';
import type { NodeRules, Rule } from './rules.ts';

async function balancingRule(rules: NodeRules, index: number): Promise<Rule> {
  const rule = (await balancingRules(rules))[index];
  if (rule === undefined) throw new Error('the balancing rules are not whole; heal the node first');
  return rule;
}

export const balancingBreaks: readonly Break[] = [
  {
    name: 'balancing-missing',
    description: 'the second of the three balancing rules is gone: the last endpoint gets its share',
    apply: async ({ rules }) => rules.remove(await balancingRule(rules, 1)),
  },
  {
    name: 'balancing-doubled',
    description: 'the second balancing rule is there twice: the second endpoint gets more than its share',
    apply: async ({ rules }) => {
      const rule = await balancingRule(rules, 1);
      await rules.insert(rule.table, rule.chain, rule.place, rule.spec);
    },
  },
  {
    name: 'balancing-wrong-share',
    description: 'the first balancing rule has probability 0.9: the first endpoint gets nine of ten connections',
    apply: async ({ rules }) => {
      const rule = await balancingRule(rules, 0);
      const spec = rule.spec.map((word, index) => (rule.spec[index - 1] === '--probability' ? '0.9' : word));
      await rules.replace(rule, spec);
    },
  },
];
