import { destinationOf } from '../kubeproxy/rule-index.ts';
import { defineCheck, judged, type Fault } from './check.ts';
import { proof } from './fault.ts';
import type { PortView } from './world.ts';

export default defineCheck({
  id: 'SVC310',
  slug: 'blocked-port',
  severity: 'error',
  harmless: 'warning',
  invariant: 'I1',
  scope: 'service-port',
  title: 'no address of a Service port with endpoints is rejected or dropped',
  docs: {
    why: `kube-proxy writes REJECT or DROP rules into filter only for a Service port without endpoints to use. Where nat still translates the address, the rule is never met; where it does not, clients are refused although endpoints are ready.`,
    causes: [
      `The rule stayed from the time before the endpoints were ready, because kube-proxy could write nat but not filter, or is stopped.`,
      `The rule was added by hand.`,
    ],
    fix: [`Have kube-proxy on the node write its rules again: it rewrites its filter chains at every sync.`],
    ignoreWhen: `Never; but when the impact says that nothing changes for packets, it can wait.`,
  },
  applies: (view) => view.expected.endpoints.hasEndpoints,
  judge: (view) => judged(blocked(view)),
});

function blocked(view: PortView): readonly Fault[] {
  if (view.stale !== null) return [];
  const surplus = view.comparison.surplusEntries.filter((entry) => entry.kind === 'blocks');
  return surplus.map((entry) => {
    const { address, port } = destinationOf(entry.rule);
    const name = address === null ? `node port ${port ?? ''}` : `${address}:${port ?? ''}`;
    return {
      title: `${name} is blocked although the Service port has endpoints`,
      cause: name,
      expected: ['no such rule: kube-proxy blocks only ports without endpoints to use'],
      proof: proof(entry.table, [entry.rule]),
      found: null,
      confidence: 'certain',
    };
  });
}
