import { printRule } from '../netfilter/print.ts';
import { defineCheck, judged, type Fault } from './check.ts';
import { entryAddress, proof } from './fault.ts';
import type { PortView } from './world.ts';

export default defineCheck({
  id: 'SVC305',
  slug: 'entry-target',
  severity: 'error',
  invariant: 'I1',
  scope: 'service-port',
  title: "every entry rule leads to its own Service port's chain",
  docs: {
    why: `The chain behind an entry rule decides who answers. An entry rule that leads to the chain of another Service hands clients to the wrong program; one that leads past the port's chain of external traffic loses source NAT or the traffic policy.`,
    causes: [
      `Rules were edited by hand or restored from an old save.`,
      `Two programs write KUBE chains on the same node.`,
      `externalTrafficPolicy or source ranges changed and kube-proxy has not applied it.`,
    ],
    fix: [
      `Have kube-proxy on the node write its rules again: it does so completely when it starts.`,
      `Look for scripts that restore saved rules at boot (iptables-persistent, netfilter-persistent).`,
    ],
    ignoreWhen: `Never.`,
  },
  applies: (view) => view.comparison.entries.some((entry) => entry.expected.table === 'nat'),
  judge: (view) => judged(leadingElsewhere(view)),
});

function leadingElsewhere(view: PortView): readonly Fault[] {
  const entries = view.comparison.entries.filter(
    (entry) => entry.status === 'leads-elsewhere' && entry.expected.table === 'nat',
  );
  return entries.map((entry) => {
    const address = entryAddress(entry.expected, view.port);
    return {
      title: `the entry rule of ${address} leads to a chain that is not its own`,
      cause: address,
      expected: [printRule(entry.expected.rule)],
      proof: proof(entry.expected.table, entry.rules),
      found: null,
      confidence: 'certain',
    };
  });
}
