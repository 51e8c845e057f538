import { defineCheck, judged } from './check.ts';
import { lookAtLog } from './proxy-pods.ts';
import { backlogOf, cannotWrite } from './proxy-sync.ts';

export default defineCheck({
  id: 'SVC602',
  slug: 'proxy-keeps-up',
  severity: 'warning',
  invariant: null,
  scope: 'node',
  title: 'kube-proxy has written what it knows',
  docs: {
    why: `kube-proxy notes each change and writes it within a second or two. A change that waits for more than a minute is in nobody's rules on this node: connections go on to where they went before. Its own answer (503 of /healthz, port 10256) says so; 200 does not say that the rules are right, so that it is never taken for health here.`,
    causes: [
      `A write hangs: another program holds the lock of iptables, or the rule set is so large that one write takes minutes.`,
      `The node has no processor time or memory left for it.`,
    ],
    fix: [
      `See what kube-proxy logs, and what else writes rules on the node.`,
      `With tens of thousands of endpoints, nftables mode writes only what changes.`,
    ],
    ignoreWhen: `When the node is being drained or deleted: kube-proxy then answers 503 on purpose. Where it says so, this check is silent.`,
  },
  applies: ({ condition: { proxy } }) => proxy.health !== null || proxy.metrics !== null,
  judge: (view) => {
    const backlog = backlogOf(view);
    if (backlog === null || cannotWrite(view)) return judged([]);
    return judged([
      {
        title: 'kube-proxy lags behind: it has not written what it knows',
        cause: 'backlog',
        expected: ['a change is written within a minute'],
        proof: [],
        found: `${view.family}: ${backlog.found}`,
        confidence: backlog.isCertain ? 'certain' : 'likely',
        felt: {
          words: 'The rules of the node are those of an older state of the API until it has caught up.',
          now: false,
        },
        fix: lookAtLog(view),
      },
    ]);
  },
  hits: () => true,
});
