import type { RuleRole } from '../kubeproxy/expectation.ts';
import { defineCheck, judged, type Fault } from './check.ts';
import { missingInList } from './fault.ts';
import type { PortView } from './world.ts';

const ROLES: readonly RuleRole[] = ['affinity'];

export default defineCheck({
  id: 'SVC336',
  slug: 'affinity',
  severity: 'error',
  invariant: 'I3',
  scope: 'service-port',
  title: 'every endpoint has its session affinity rule',
  docs: {
    why: `With sessionAffinity: ClientIP each endpoint has a rule before the balancing rules that takes clients back to it. Without the rule clients of that endpoint are balanced anew with each connection.`,
    causes: [
      `Rules were deleted or edited by hand.`,
      `sessionAffinity or its timeout changed and kube-proxy has not applied it.`,
    ],
    fix: [
      `Have kube-proxy on the node write its rules again: since 1.27 it leaves the chains of unchanged Services alone until then.`,
    ],
    ignoreWhen: `When clients do not depend on affinity.`,
  },
  applies: (view) =>
    view.comparison.chains.some((chain) => chain.expected.rules.some((rule) => ROLES.includes(rule.role))),
  judge: (view) => judged(view.stale === null ? missing(view) : []),
});

function missing(view: PortView): readonly Fault[] {
  return view.comparison.chains
    .filter(({ list }) => list.chain !== null)
    .flatMap(({ expected, list }) => missingInList(list, expected.name, expected.table, ROLES))
    .map((fault) => ({ ...fault, title: `session affinity of ${view.port.id} does not work for all endpoints` }));
}
