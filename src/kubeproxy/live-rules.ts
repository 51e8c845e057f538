import type { Ruleset } from '../netfilter/rules.ts';

/** The rule set kube-proxy writes to, among those of the back ends of one family. */
export interface LiveRules {
  readonly ruleset: Ruleset;
  /** False: no chain of kube-proxy in any back end. */
  readonly hasProxyRules: boolean;
  /** Other back ends that hold rules of kube-proxy too: leftovers, or a second writer. All of them take effect. */
  readonly others: readonly Ruleset[];
}

/** null: no rule set at all was read. */
export function chooseLive(rulesets: readonly Ruleset[]): LiveRules | null {
  const ranked = rulesets
    .map((ruleset) => ({ ruleset, content: contentOf(ruleset) }))
    .toSorted((a, b) => b.content - a.content || rank(a.ruleset) - rank(b.ruleset));
  const [first, ...rest] = ranked;
  if (first === undefined) return null;
  return {
    ruleset: first.ruleset,
    hasProxyRules: first.content > 0,
    others: rest.filter(({ content }) => content > 0).map(({ ruleset }) => ruleset),
  };
}

/** Without any sign, the back end a current iptables would write to. */
const ORDER: readonly Ruleset['backend'][] = ['nft', 'unknown', 'legacy'];

function rank(ruleset: Ruleset): number {
  return ORDER.indexOf(ruleset.backend);
}

/**
 * Chains of Service ports count most: canaries and KUBE-SERVICES survive a change of back end as well as those do, but
 * empty ones, left by a flush, do not speak for a back end that has rules.
 */
function contentOf(ruleset: Ruleset): number {
  let content = 0;
  for (const table of ruleset.tables.values()) {
    for (const chain of table.chains.values()) {
      if (PROXY_CHAINS.has(chain.name)) content += 1 + chain.rules.length;
      else if (OWN_CHAIN.test(chain.name)) content += 1 + chain.rules.length;
    }
  }
  return content;
}

/** Chains kubelet or a CNI plugin makes say nothing about kube-proxy. */
const PROXY_CHAINS: ReadonlySet<string> = new Set([
  'KUBE-SERVICES',
  'KUBE-NODEPORTS',
  'KUBE-EXTERNAL-SERVICES',
  'KUBE-FORWARD',
  'KUBE-PROXY-FIREWALL',
  'KUBE-PROXY-CANARY',
]);

const OWN_CHAIN = /^KUBE-(?:SVC|SVL|EXT|XLB|FW|SEP)-/;
