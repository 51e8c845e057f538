import { printRule } from '../netfilter/print.ts';
import { defineCheck, judged, type Fault } from './check.ts';
import { usesMasquerade } from './masquerade.ts';
import type { FamilyView } from './world.ts';

export default defineCheck({
  id: 'SVC344',
  slug: 'postrouting-jump',
  severity: 'error',
  invariant: 'I4',
  scope: 'node',
  title: 'POSTROUTING of nat leads to KUBE-POSTROUTING',
  docs: {
    why: `Marked packets are masqueraded only if nat POSTROUTING leads to KUBE-POSTROUTING. Without that rule connections through node ports to endpoints on other nodes time out, while all of kube-proxy's own chains look right.`,
    causes: [
      `A firewall tool or CNI plugin flushed the built-in chain (iptables -t nat -F POSTROUTING).`,
      `Since 1.27 kube-proxy checks this rule only at a full sync, so it may stay away for an hour.`,
    ],
    fix: [
      `Have kube-proxy on the node write its rules again: at start it adds the jump.`,
      `Stop what flushes nat, or have it restart kube-proxy afterwards.`,
    ],
    ignoreWhen: `Never on a node where kube-proxy serves Services.`,
  },
  applies: (view) => view.hasProxyRules,
  judge: (view) => judged(missing(view)),
  hits: usesMasquerade,
});

function missing(view: FamilyView): readonly Fault[] {
  const jumps = view.comparison.missingJumps.filter((jump) => jump.role === 'postrouting-jump');
  return jumps.map((jump) => ({
    title: 'nat POSTROUTING does not lead to KUBE-POSTROUTING',
    cause: jump.rule.chain,
    expected: [printRule(jump.rule)],
    proof: [],
    found: 'no rule of POSTROUTING in table nat jumps to KUBE-POSTROUTING',
    confidence: 'certain',
  }));
}
