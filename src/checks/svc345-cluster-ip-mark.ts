import type { RuleRole } from '../kubeproxy/expectation.ts';
import type { EntryComparison } from '../kubeproxy/compare-entries.ts';
import { defineCheck, judged, type Fault } from './check.ts';
import { missingInList, missingMarks } from './fault.ts';
import type { PortView } from './world.ts';

const ROLES: readonly RuleRole[] = ['cluster-ip-mark'];

export default defineCheck({
  id: 'SVC345',
  slug: 'cluster-ip-mark',
  severity: 'error',
  invariant: null,
  scope: 'service-port',
  title: 'connections to the clusterIP from outside the pod network are marked for source NAT',
  docs: {
    why: `A client that is no pod, for instance a process on a node or a machine that routes the service range to a node, can only be answered through the node it came in at. The first rule of the Service chain has such connections masqueraded.`,
    causes: [
      `The rule was deleted by hand or by another program.`,
      `clusterCIDR of kube-proxy was changed and not applied to this Service yet.`,
    ],
    fix: [
      `Have kube-proxy on the node write its rules again: since 1.27 it leaves the chains of unchanged Services alone until then.`,
    ],
    ignoreWhen: `When only pods use the clusterIP.`,
  },
  applies: (view) =>
    view.comparison.entries.some((entry) => marksClusterIp(view, entry)) ||
    view.comparison.chains.some((chain) => chain.expected.rules.some((rule) => ROLES.includes(rule.role))),
  judge: (view) => judged(view.stale === null ? [...missingEntries(view), ...missing(view)] : []),
});

/** Up to 1.21 the mark stands before the entry rule, since then in the Service chain. */
function marksClusterIp(view: PortView, { expected }: EntryComparison): boolean {
  return expected.role === 'entry-mark' && expected.address === view.port.clusterIP;
}

function missingEntries(view: PortView): readonly Fault[] {
  return missingMarks(
    view.comparison.entries.filter((entry) => marksClusterIp(view, entry)),
    titleFor(view),
  );
}

function titleFor(view: PortView): string {
  return `connections to the clusterIP of ${view.port.id} from outside the pod network are not masqueraded`;
}

function missing(view: PortView): readonly Fault[] {
  return view.comparison.chains
    .filter(({ list }) => list.chain !== null)
    .flatMap(({ expected, list }) => missingInList(list, expected.name, expected.table, ROLES))
    .map((fault) => ({ ...fault, title: titleFor(view) }));
}
