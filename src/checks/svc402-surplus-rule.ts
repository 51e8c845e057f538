import { isSameList } from '../kubeproxy/compare-list.ts';
import type { ChainComparison } from '../kubeproxy/compare.ts';
import { defineCheck, judged, type Fault } from './check.ts';
import { proof } from './fault.ts';
import type { PortView } from './world.ts';

export default defineCheck({
  id: 'SVC402',
  slug: 'surplus-rule',
  severity: 'error',
  harmless: 'warning',
  invariant: null,
  scope: 'service-port',
  title: "the Service port's chains hold only rules that kube-proxy writes",
  docs: {
    why: `Only kube-proxy writes into the chains of a Service port. A rule of somebody else can take, drop or re-mark connections before kube-proxy's own rules see them; behind them it does nothing. The impact tells which it is here; a rule that changes nothing is a warning.`,
    causes: [
      `A rule was added by hand while looking for a fault.`,
      `Rules were restored from a save on top of the live ones.`,
    ],
    fix: [`Have kube-proxy on the node write its rules again: it empties and refills its chains.`],
    ignoreWhen: `When the rule is yours, and you know why.`,
  },
  applies: (view) => view.comparison.chains.length > 0,
  judge: (view) =>
    judged(
      view.stale !== null
        ? []
        : [...view.comparison.chains, ...view.comparison.seps].flatMap((chain) => surplus(view, chain)),
    ),
});

function surplus(view: PortView, { expected, list }: ChainComparison): readonly Fault[] {
  const rules = [...list.surplus, ...list.duplicates];
  if (isSameList(list) || rules.length === 0) return [];
  return [
    {
      title: `${expected.name} holds ${rules.length === 1 ? 'a rule' : `${rules.length} rules`} that kube-proxy does not write for ${view.port.id}`,
      cause: expected.name,
      expected: ['no such rule'],
      proof: proof(expected.table, rules),
      found: null,
      confidence: 'certain',
    },
  ];
}
