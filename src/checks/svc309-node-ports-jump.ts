import { printRule } from '../netfilter/print.ts';
import { defineCheck, judged, type Fault } from './check.ts';
import { proof } from './fault.ts';
import type { FamilyView } from './world.ts';

export default defineCheck({
  id: 'SVC309',
  slug: 'node-ports-jump',
  severity: 'error',
  invariant: 'I1',
  scope: 'node',
  title: "KUBE-SERVICES leads packets to the node's own addresses on to KUBE-NODEPORTS",
  docs: {
    why: `KUBE-NODEPORTS is entered by the last rule of nat KUBE-SERVICES alone. Without it no node port works on this node; clusterIPs do.`,
    causes: [
      `Another program deleted rules in nat.`,
      `nodePortAddresses is restricted and no address of the node was in the range when kube-proxy looked.`,
    ],
    fix: [
      `Have kube-proxy on the node write its rules again.`,
      `With nodePortAddresses set, compare it with the addresses of the node: ip -br addr.`,
    ],
    ignoreWhen: `When node ports are meant to be closed on this node.`,
  },
  applies: (view) => view.hasProxyRules && view.ports.some((port) => port.nodePort !== 0),
  judge: (view) => judged(missingJump(view)),
  hits: (view) => view.port.nodePort !== 0,
});

function missingJump(view: FamilyView): readonly Fault[] {
  const jumps = view.index.leadingTo('nat', 'KUBE-NODEPORTS').filter((rule) => rule.chain === 'KUBE-SERVICES');
  return view.comparison.missingNodePortsJumps.map((missing) => ({
    title: 'KUBE-SERVICES does not lead to KUBE-NODEPORTS',
    cause: printRule(missing.rule),
    expected: [printRule(missing.rule)],
    proof: proof('nat', jumps),
    found: jumps.length === 0 ? 'no rule of KUBE-SERVICES in table nat jumps to KUBE-NODEPORTS' : null,
    confidence: view.settings.nodePortAddresses.origin === 'inferred' ? 'likely' : 'certain',
  }));
}
