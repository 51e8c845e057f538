import type { Chain } from '../netfilter/rules.ts';
import { defineCheck, judged } from './check.ts';

/** Chains kube-proxy makes in ipvs mode only. */
const IPVS_CHAINS = [
  'KUBE-LOAD-BALANCER',
  'KUBE-NODE-PORT',
  'KUBE-IPVS-FILTER',
  'KUBE-IPVS-OUT-FILTER',
  'KUBE-SOURCE-RANGES-FIREWALL',
];

export default defineCheck({
  id: 'SVC406',
  slug: 'other-mode',
  severity: 'warning',
  invariant: null,
  scope: 'node',
  always: true,
  title: 'nothing is left of another mode of kube-proxy',
  docs: {
    why: `kube-proxy in iptables mode removes what ipvs mode left only when it is told to (kube-proxy --cleanup), and since 1.31 also the table of nftables mode. What is left may still take connections: virtual servers of IPVS bind the addresses of Services to the node itself, and the rules of a table kube-proxy are applied beside those of iptables.`,
    causes: [`The mode of kube-proxy was changed, and the node was neither cleaned up nor rebooted.`],
    fix: [`Reboot the node, or run kube-proxy --cleanup on it, with the image of the mode that is left.`],
    ignoreWhen: `When the chains are empty and ipvsadm -Ln shows nothing.`,
  },
  applies: (view) => view.hasProxyRules,
  judge: (view) => {
    const nat: ReadonlyMap<string, Chain> = view.index.ruleset.tables.get('nat')?.chains ?? new Map<string, Chain>();
    const filter: ReadonlyMap<string, Chain> =
      view.index.ruleset.tables.get('filter')?.chains ?? new Map<string, Chain>();
    const left = IPVS_CHAINS.filter((name) => nat.has(name) || filter.has(name));
    if (left.length === 0) return judged([]);
    return judged([
      {
        title: 'chains of ipvs mode are left beside the rules of iptables mode',
        cause: 'ipvs',
        expected: [],
        proof: [],
        found: left.join(', '),
        confidence: 'certain',
        fix: [`ipvsadm -Ln   # on ${view.node}: virtual servers that are left would take connections`],
      },
    ]);
  },
  hits: () => false,
});
