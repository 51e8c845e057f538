import { isAsExpected } from '../kubeproxy/compare.ts';
import { printRule } from '../netfilter/print.ts';
import { defineCheck, judged, type Fault, type RuleProof } from './check.ts';
import type { PortView } from './world.ts';

export default defineCheck({
  id: 'SVC501',
  slug: 'connections-arrive',
  severity: 'error',
  invariant: 'I1',
  scope: 'service-port',
  title: "nothing in kube-proxy's chains keeps connections from where its rules take them",
  docs: {
    why: `All rules of the Service port are there, and connections still do not end where they should: another rule in one of kube-proxy's shared chains catches them on the way. This check does not compare rules; it walks connections through them as the kernel does.`,
    causes: [
      `Somebody put a RETURN, ACCEPT or DNAT rule of their own at the top of KUBE-SERVICES, KUBE-NODEPORTS or KUBE-POSTROUTING.`,
      `A security or VPN agent writes into kube-proxy's chains.`,
    ],
    fix: [
      `Have kube-proxy on the node write its rules again: it rewrites the shared chains at every sync, so a rule that comes back has a writer. Find it.`,
    ],
    ignoreWhen: `When the rule is yours, and you know why.`,
  },
  applies: (view) => view.on.comparison.oddRules.length > 0 && view.stale === null && isWhole(view),
  judge: (view) => judged(differing(view)),
});

/** Whatever differs in the port's own rules, or is missing from the node's, has a check that says it more exactly. */
function isWhole(view: PortView): boolean {
  const { missingJumps, missingNodePortsJumps, chains } = view.on.comparison;
  const missing = missingJumps.length + missingNodePortsJumps.length;
  return missing === 0 && chains.every(({ list }) => list.missing.length === 0) && isAsExpected(view.comparison);
}

function differing(view: PortView): readonly Fault[] {
  const differences = view.behaviour();
  if (differences.length === 0) return [];
  const odd = new Set(view.on.comparison.oddRules.map(({ rule }) => rule));
  const met = differences.flatMap((difference) => difference.via.filter(({ rule }) => odd.has(rule)));
  const proof = met.length > 0 ? distinctRules(met) : view.on.comparison.oddRules;
  return [
    {
      title: "a rule that is not kube-proxy's catches connections to the Service",
      cause: proof.map(({ rule }) => printRule(rule)).join(),
      spansPorts: true,
      expected: ['no such rule'],
      proof,
      found: null,
      confidence: 'certain',
    },
  ];
}

function distinctRules(proofs: readonly RuleProof[]): readonly RuleProof[] {
  return [...new Map(proofs.map((proof) => [proof.rule, proof])).values()];
}
