import { printRule } from '../netfilter/print.ts';
import { defineCheck, judged, type Fault } from './check.ts';
import type { PortView } from './world.ts';

export default defineCheck({
  id: 'SVC312',
  slug: 'service-port-known',
  severity: 'error',
  invariant: 'I1',
  scope: 'service-port',
  title: 'the node has rules for the Service port',
  docs: {
    why: `Nothing on the node is about this Service port: no entry rule, no chain, no rejection. Other Services may work there; for this one the node behaves as if it did not exist.`,
    causes: [
      `The Service or the port is newer than what kube-proxy on the node last heard: it is stopped, hangs, or lost its connection to the API server.`,
      `kube-proxy cannot write its rules: see its log for iptables-restore errors.`,
      `The Service carries a label that this kube-proxy is told to leave alone.`,
    ],
    fix: [`See whether kube-proxy on the node runs and what it logs, then restart it.`],
    ignoreWhen: `When the Service was made moments ago and the next look does not show it any more.`,
  },
  applies: (view) => view.comparison.entries.some((entry) => entry.expected.presence === 'required'),
  judge: (view) => judged(view.stale?.believes === 'nothing' ? [unknownPort(view)] : []),
});

function unknownPort(view: PortView): Fault {
  const required = view.comparison.entries.filter((entry) => entry.expected.presence === 'required');
  return {
    title: `kube-proxy on the node does not know ${view.port.id}: there is no rule for it at all`,
    cause: 'unknown',
    expected: required.map((entry) => printRule(entry.expected.rule)),
    proof: [],
    found: `no rule for its addresses and no chain of it in ${view.on.index.ruleset.source}`,
    confidence: 'certain',
    alsoBreaks: ['I2', 'I3', 'I4'],
  };
}
