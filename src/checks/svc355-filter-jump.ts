import { printRule } from '../netfilter/print.ts';
import { defineCheck, judged, type Fault } from './check.ts';
import type { FamilyView } from './world.ts';

export default defineCheck({
  id: 'SVC355',
  slug: 'filter-jump',
  severity: 'error',
  invariant: null,
  scope: 'node',
  title: "INPUT, FORWARD and OUTPUT of filter lead to kube-proxy's chains",
  docs: {
    why: `kube-proxy refuses or drops connections to ports without endpoints, accepts marked packets where the FORWARD policy is DROP, and opens health-check ports, all in filter chains that are entered from the built-in ones. A missing jump switches one of these off.`,
    causes: [
      `A firewall tool flushed the built-in chains of filter.`,
      `Since 1.27 kube-proxy checks these rules only at a full sync.`,
    ],
    fix: [`Have kube-proxy on the node write its rules again: at start it adds the jumps.`],
    ignoreWhen: `When another program serves the purpose, for instance a FORWARD policy of ACCEPT with no need for KUBE-FORWARD.`,
  },
  applies: (view) => view.hasProxyRules,
  judge: (view) => judged(missing(view)),
  hits: () => true,
});

function missing(view: FamilyView): readonly Fault[] {
  const jumps = view.comparison.missingJumps.filter((jump) => jump.role === 'filter-jump');
  return jumps.map((jump) => ({
    title: `filter ${jump.rule.chain} does not lead to ${jump.rule.target.kind === 'jump' ? jump.rule.target.chain : 'its chain'}`,
    cause: printRule(jump.rule),
    expected: [printRule(jump.rule)],
    proof: [],
    found: `no such rule in chain ${jump.rule.chain} of table filter`,
    confidence: 'certain',
  }));
}
