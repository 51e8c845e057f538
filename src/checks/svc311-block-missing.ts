import type { RuleRole } from '../kubeproxy/expectation.ts';
import { printRule } from '../netfilter/print.ts';
import { defineCheck, judged, type Fault } from './check.ts';
import { entryAddress, proof } from './fault.ts';
import type { PortView } from './world.ts';

const BLOCKS: ReadonlySet<RuleRole> = new Set([
  'cluster-ip-blocked',
  'external-ip-blocked',
  'load-balancer-blocked',
  'node-port-blocked',
]);

export default defineCheck({
  id: 'SVC311',
  slug: 'block-missing',
  severity: 'error',
  invariant: 'I1',
  scope: 'service-port',
  title: 'a Service port without endpoints to use is answered at once',
  docs: {
    why: `For a port without endpoints kube-proxy writes a REJECT rule, so that clients learn at once; with a Local traffic policy and no local endpoint it drops, so that load balancers look elsewhere. Without the rule clients wait until they time out.`,
    causes: [
      `Another program deleted rules in filter.`,
      `kube-proxy on this node has not noticed that the last endpoint went away.`,
    ],
    fix: [`Have kube-proxy on the node write its rules again.`],
    ignoreWhen: `When nobody uses the Service while it has no endpoints.`,
  },
  applies: (view) => view.comparison.entries.some((entry) => BLOCKS.has(entry.expected.role)),
  judge: (view) => judged(missingBlocks(view)),
});

function missingBlocks(view: PortView): readonly Fault[] {
  if (view.stale !== null) return [];
  const absent = view.comparison.entries.filter(
    (entry) => BLOCKS.has(entry.expected.role) && entry.status !== 'present',
  );
  return absent
    .filter((entry) => entry.expected.presence === 'required')
    .map((entry) => ({
      title: `${entryAddress(entry.expected, view.port)} has no endpoints to use and is not ${entry.expected.rule.target.kind === 'drop' ? 'dropped' : 'rejected'}`,
      cause: entryAddress(entry.expected, view.port),
      expected: [printRule(entry.expected.rule)],
      proof: proof(entry.expected.table, entry.rules),
      found:
        entry.rules.length > 0
          ? null
          : `no rule for it in ${entry.expected.rule.chain} of table ${entry.expected.table}`,
      confidence: 'certain',
    }));
}
