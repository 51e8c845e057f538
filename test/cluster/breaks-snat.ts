/** What can go wrong with the masquerading of connections from outside. */
import type { Break } from './breaks.ts';
import { jumps, nodePortEntries, rulesOf, target } from './chains.ts';
import { wrongMark } from './options.ts';

export const snatBreaks: readonly Break[] = [
  {
    name: 'mark-masq-missing-ext',
    description: 'KUBE-EXT does not mark connections from outside: those to endpoints of other nodes get no answer',
    apply: async ({ rules }) => {
      const chain = (await nodePortEntries(rules)).map(target).at(-1) ?? '';
      await rules.removeAll((await rulesOf(rules, chain)).filter((rule) => target(rule) === 'KUBE-MARK-MASQ'));
    },
  },
  {
    name: 'masquerade-missing',
    description: 'KUBE-POSTROUTING has no MASQUERADE: marked connections keep their source address',
    apply: async ({ rules }) =>
      rules.removeAll((await rulesOf(rules, 'KUBE-POSTROUTING')).filter((rule) => target(rule) === 'MASQUERADE')),
  },
  {
    name: 'postrouting-jump-missing',
    description: 'POSTROUTING does not lead to KUBE-POSTROUTING: nothing is masqueraded',
    apply: async ({ rules }) => rules.removeAll(await jumps(rules, ['POSTROUTING'], 'KUBE-POSTROUTING')),
  },
  {
    name: 'wrong-mark',
    description: 'KUBE-MARK-MASQ sets another bit than the one KUBE-POSTROUTING looks at',
    apply: async ({ rules, options }) => {
      const [rule] = await rulesOf(rules, 'KUBE-MARK-MASQ');
      if (rule === undefined) throw new Error('KUBE-MARK-MASQ is empty; heal the node first');
      const bit = wrongMark(options);
      await rules.replace(rule, ['-j', 'MARK', '--set-xmark', `${bit}/${bit}`]);
    },
  },
];
