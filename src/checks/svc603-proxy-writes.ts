import { missingModuleOf } from '../model/proxy-log.ts';
import { defineCheck, judged } from './check.ts';
import { lookAtLog } from './proxy-pods.ts';
import { backlogOf, cannotWrite, failuresOf, saidOf } from './proxy-sync.ts';

export default defineCheck({
  id: 'SVC603',
  slug: 'proxy-writes',
  severity: 'warning',
  invariant: null,
  scope: 'node',
  title: "kube-proxy's writes succeed",
  docs: {
    why: `kube-proxy hands all rules over in one piece. When iptables-restore refuses one line, nothing of it is applied: the node keeps its old rules for every Service, and kube-proxy tries the same every half minute. All differences on the node then have this one cause.`,
    causes: [
      `A rule of other software leads into a chain of kube-proxy's that it has to delete ("Device or resource busy").`,
      `The iptables in kube-proxy's image cannot read what a newer one on the node has written, or a program has put native nftables rules into its tables ("incompatible, use 'nft' tool").`,
      `One Service or endpoint has a value that iptables refuses; the log names the line.`,
      `Another program holds the lock of iptables (/run/xtables.lock).`,
    ],
    fix: [
      `Read the line that kube-proxy logs: it names the chain, or the line of what it wanted to write.`,
      `Remove what stands in the way; kube-proxy tries again within half a minute by itself. A restart helps only against its own errors.`,
    ],
    ignoreWhen: `Never.`,
  },
  applies: ({ condition: { proxy } }) => proxy.health !== null || proxy.metrics !== null,
  judge: (view) => {
    const backlog = backlogOf(view);
    const { log } = view.condition.proxy;
    const lacksModule = log !== null && missingModuleOf(log) !== null;
    if (backlog === null || !cannotWrite(view) || lacksModule) return judged([]);
    const failures = failuresOf(view) ?? 0;
    const said = saidOf(view);
    return judged([
      {
        title: 'kube-proxy cannot write its rules',
        cause: 'refused',
        expected: [],
        proof: [],
        found: [
          `${view.family}: ${backlog.found}`,
          ...(failures > 0 ? [`${failures} writes have failed since it was started`] : []),
          ...(said === null ? [] : [`it logs: ${said}`]),
        ].join('; '),
        confidence: backlog.isCertain ? 'certain' : 'likely',
        felt: {
          words:
            'No change of any Service gets into the rules of the node: new Services do not work there, and gone endpoints are still tried.',
          now: false,
        },
        fix: lookAtLog(view),
      },
    ]);
  },
  hits: () => true,
});
