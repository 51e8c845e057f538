import type { RuleRole } from '../kubeproxy/expectation.ts';
import type { EntryComparison } from '../kubeproxy/compare-entries.ts';
import { defineCheck, judged, type Fault } from './check.ts';
import { missingInList, missingMarks } from './fault.ts';
import type { PortView } from './world.ts';

const ROLES: readonly RuleRole[] = ['external-mark', 'external-local-mark'];

export default defineCheck({
  id: 'SVC341',
  slug: 'external-mark',
  severity: 'error',
  invariant: 'I4',
  scope: 'service-port',
  title: 'external connections are marked for source NAT before they are translated',
  docs: {
    why: `A connection from outside that enters at one node and is translated to an endpoint on another must leave with the first node as its source, or the answer goes straight to the client, who does not know the sender. KUBE-MARK-MASQ in the chain for external traffic has it masqueraded.`,
    causes: [`The rule was deleted by hand or by another program, often to see the client address in the pods.`],
    fix: [
      `Have kube-proxy on the node write its rules again: since 1.27 it leaves the chains of unchanged Services alone until then.`,
      `To see client addresses, set externalTrafficPolicy: Local on the Service instead.`,
    ],
    ignoreWhen: `When all traffic comes in at nodes that have endpoints, and only to these.`,
  },
  applies: (view) =>
    view.comparison.entries.some((entry) => marksExternal(view, entry)) ||
    view.comparison.chains.some((chain) => chain.expected.rules.some((rule) => ROLES.includes(rule.role))),
  judge: (view) => judged(view.stale === null ? [...missingEntries(view), ...missing(view)] : []),
});

/** Up to 1.21, and for node ports with a Local policy up to 1.23, the mark stands before the entry rule. */
function marksExternal(view: PortView, { expected }: EntryComparison): boolean {
  return expected.role === 'entry-mark' && expected.address !== view.port.clusterIP;
}

function missingEntries(view: PortView): readonly Fault[] {
  return missingMarks(
    view.comparison.entries.filter((entry) => marksExternal(view, entry)),
    titleFor(view),
  );
}

function titleFor(view: PortView): string {
  return `external connections to ${view.port.id} are not marked for source NAT`;
}

function missing(view: PortView): readonly Fault[] {
  return view.comparison.chains
    .filter(({ list }) => list.chain !== null)
    .flatMap(({ expected, list }) => missingInList(list, expected.name, expected.table, ROLES))
    .map((fault) => ({ ...fault, title: titleFor(view) }));
}
