import { printRule } from '../netfilter/print.ts';
import { defineCheck, judged, type Fault } from './check.ts';
import { entryAddress, proof } from './fault.ts';
import type { PortView } from './world.ts';

export default defineCheck({
  id: 'SVC306',
  slug: 'entry-duplicate',
  severity: 'warning',
  invariant: 'I1',
  scope: 'service-port',
  title: 'no entry rule is there twice',
  docs: {
    why: `kube-proxy writes each entry rule once. A second copy changes nothing for packets, since the first one takes them all, but it shows that somebody else writes into kube-proxy's chains, and it stays when kube-proxy removes its own.`,
    causes: [
      `iptables-restore was run with a saved rule set on top of the live one.`,
      `iptables 1.8.1 and 1.8.2 (nft) failed to find existing rules and added them again.`,
    ],
    fix: [`Have kube-proxy on the node write its rules again: the shared chains are rewritten at every sync.`],
    ignoreWhen: `When it is gone at the next look: a read of the nft back end can list a rule twice while kube-proxy replaces it.`,
  },
  applies: (view) => view.comparison.entries.some((entry) => entry.status === 'present'),
  judge: (view) => judged(duplicates(view)),
});

function duplicates(view: PortView): readonly Fault[] {
  // Each port of a Service has its own rule for the one health-check port they share: they differ in the comment alone.
  const twice = view.comparison.entries.filter(
    ({ expected, status, rules }) =>
      status === 'present' && rules.length > 1 && expected.role !== 'health-check-accept',
  );
  return twice.map((entry) => ({
    title: `the rule of ${entryAddress(entry.expected, view.port)} in ${entry.expected.rule.chain} is there ${entry.rules.length} times`,
    cause: `${entry.expected.table} ${entryAddress(entry.expected, view.port)}`,
    expected: [printRule(entry.expected.rule)],
    proof: proof(entry.expected.table, entry.rules),
    found: null,
    confidence: 'certain',
  }));
}
