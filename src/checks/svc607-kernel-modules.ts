import { missingModuleOf } from '../model/proxy-log.ts';
import { defineCheck, judged } from './check.ts';
import { lookAtLog } from './proxy-pods.ts';

export default defineCheck({
  id: 'SVC607',
  slug: 'kernel-modules',
  severity: 'warning',
  invariant: null,
  scope: 'node',
  title: "the kernel has the modules that kube-proxy's rules need",
  docs: {
    why: `Rules use extensions of the kernel: xt_comment and xt_mark in all of them, xt_statistic from the second endpoint on, xt_recent for session affinity, xt_conntrack, xt_addrtype. When one is missing, the whole write is refused, and no change of any Service gets into the rules.`,
    causes: [
      `A kernel built by hand or for small machines, without the module.`,
      `A new kernel was installed and the old one still runs: its modules are gone from the disk.`,
      `Modules may not be loaded: modules_disabled, a hardened node, a nested cluster.`,
    ],
    fix: [`Load the module and see what modprobe says; reboot into the installed kernel.`],
    ignoreWhen: `Never.`,
  },
  applies: ({ condition: { proxy } }) => proxy.log !== null,
  judge: (view) => {
    const { log } = view.condition.proxy;
    const missing = log === null ? null : missingModuleOf(log);
    if (missing === null) return judged([]);
    return judged([
      {
        title: `the kernel lacks a module that kube-proxy's rules need: ${missing.module}`,
        cause: missing.module,
        expected: [],
        proof: [],
        found: `kube-proxy logs: ${missing.entry}`,
        confidence: 'likely',
        felt: {
          words:
            'No change of any Service gets into the rules of the node as long as kube-proxy has to write a rule with it.',
          now: false,
        },
        fix: [`modprobe xt_${missing.module}   # on ${view.node}`, ...lookAtLog(view)],
      },
    ]);
  },
  hits: () => true,
});
