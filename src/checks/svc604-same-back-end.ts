import { shellWord } from '../model/shell-word.ts';
import type { Chain, Ruleset } from '../netfilter/rules.ts';
import { defineCheck, judged, OK, type Fault } from './check.ts';
import type { FamilyView } from './world.ts';

export default defineCheck({
  id: 'SVC604',
  slug: 'same-back-end',
  severity: 'warning',
  invariant: null,
  scope: 'node',
  title: 'kube-proxy and the node itself use the same back end of iptables',
  docs: {
    why: `The iptables in kube-proxy's image looks for the back end that the node uses (kubelet leaves a chain KUBE-IPTABLES-HINT for it), and can miss it. The kernel applies the rules of both back ends one after the other, so that Services may work; but what kubelet, network plugins and people on the node write or look at is in the other one, the order of rules is not what either meant, and a policy of DROP in one is not lifted by an ACCEPT in the other.`,
    causes: [
      `The node's iptables was switched (update-alternatives, a new release) while kube-proxy ran.`,
      `kube-proxy started before kubelet had left its mark, or its image has no iptables-wrapper.`,
    ],
    fix: [`Restart kube-proxy, which looks again; then reboot the node, so that no rules of the other back end stay.`],
    ignoreWhen: `When nothing else on the node uses iptables, and you never look at rules by hand.`,
  },
  applies: ({ hasProxyRules, index }) => hasProxyRules && index.ruleset.backend !== 'unknown',
  judge: (view) => {
    const { backend } = view.index.ruleset;
    if (hasMark(view.index.ruleset)) return OK;
    const marked = view.allBackends.find((other) => other.backend !== backend && hasMark(other));
    return judged(marked === undefined ? [] : [fault(view, marked)]);
  },
  hits: () => true,
});

/** Chains of kubelet in table mangle: since 1.24 the hint, before and beside it the canary. */
const MARKS = ['KUBE-IPTABLES-HINT', 'KUBE-KUBELET-CANARY'];

function hasMark({ tables }: Ruleset): boolean {
  const mangle: ReadonlyMap<string, Chain> = tables.get('mangle')?.chains ?? new Map<string, Chain>();
  return MARKS.some((name) => mangle.has(name));
}

function fault({ node, index, condition }: FamilyView, marked: Ruleset): Fault {
  const own = condition.ownBackend === null ? '' : `; iptables on the node is ${condition.ownBackend}`;
  return {
    title: `kube-proxy's rules are in the ${index.ruleset.backend} back end, kubelet's in the ${marked.backend} one`,
    cause: `${index.ruleset.backend} ${marked.backend}`,
    expected: [`rules of kube-proxy in the back end that the node uses: ${marked.backend}`],
    proof: [],
    found: `${marked.source} has a chain of kubelet's in table mangle, ${index.ruleset.source} has none${own}`,
    confidence: 'likely',
    felt: {
      words: 'Rules of both back ends are applied. Whether connections pass them is said by the other findings.',
      now: false,
    },
    fix: [`kubectl -n kube-system delete pod -l k8s-app=kube-proxy --field-selector spec.nodeName=${shellWord(node)}`],
  };
}
