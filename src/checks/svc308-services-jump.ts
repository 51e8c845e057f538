import { printRule } from '../netfilter/print.ts';
import { defineCheck, judged, type Fault } from './check.ts';
import type { FamilyView } from './world.ts';

export default defineCheck({
  id: 'SVC308',
  slug: 'services-jump',
  severity: 'error',
  invariant: 'I1',
  scope: 'node',
  title: 'PREROUTING and OUTPUT of nat lead to KUBE-SERVICES',
  docs: {
    why: `All of kube-proxy's translation hangs on two rules: nat PREROUTING takes packets that arrive, nat OUTPUT those made on the node itself. When one is gone, every Service is gone for these packets, while all the other rules look right.`,
    causes: [
      `A firewall tool flushed the built-in chains of nat (iptables -t nat -F PREROUTING, firewalld, a cloud-init restore).`,
      `Since 1.27 kube-proxy checks these rules only at a full sync, so they may stay away for an hour.`,
    ],
    fix: [
      `Have kube-proxy on the node write its rules again: at start it adds the jumps.`,
      `Stop what flushes nat, or have it restart kube-proxy afterwards.`,
    ],
    ignoreWhen: `Never on a node where kube-proxy serves Services.`,
  },
  applies: (view) => view.hasProxyRules,
  judge: (view) => judged(missingJumps(view)),
  hits: () => true,
});

/** Both are one fault: whatever flushed nat took them together. */
function missingJumps(view: FamilyView): readonly Fault[] {
  const missing = view.comparison.missingJumps.filter((jump) => jump.role === 'services-jump');
  if (missing.length === 0) return [];
  const chains = missing.map((jump) => jump.rule.chain).join(' and ');
  return [
    {
      title: `nat ${chains} ${missing.length === 1 ? 'does' : 'do'} not lead to KUBE-SERVICES`,
      cause: chains,
      expected: missing.map((jump) => printRule(jump.rule)),
      proof: [],
      found: `no rule of ${chains} in table nat jumps to KUBE-SERVICES`,
      confidence: 'certain',
    },
  ];
}
