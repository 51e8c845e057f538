import type { BalancingMember } from '../kubeproxy/compare-balancing.ts';
import { defineCheck, judged, type Fault } from './check.ts';
import { proof } from './fault.ts';
import type { PortView } from './world.ts';

export default defineCheck({
  id: 'SVC323',
  slug: 'endpoint-foreign',
  severity: 'error',
  invariant: 'I2',
  scope: 'service-port',
  title: 'no balancing rule leads to a chain of something that is no endpoint',
  docs: {
    why: `KUBE-SEP chains and endpoints correspond one to one. A balancing rule to any other chain sends a share of the connections to a pod that is gone, not ready, or of another Service.`,
    causes: [`Rules were edited by hand or restored from an old save.`, `A second program writes into the chain.`],
    fix: [`Have kube-proxy on the node write its rules again.`],
    ignoreWhen: `Never.`,
  },
  applies: (view) => view.comparison.balancing.some((list) => list.members.length > 0),
  judge: (view) =>
    judged(
      view.stale !== null
        ? []
        : view.comparison.balancing.flatMap((list) => list.foreign.map((member) => foreign(view, member))),
    ),
});

function foreign(view: PortView, member: BalancingMember): Fault {
  const to = member.destinations?.join(', ') ?? '';
  const sep = view.on.index.chain('nat', member.sep);
  return {
    title: `connections are sent to ${to === '' ? member.sep : to}, which is no endpoint of the Service port`,
    cause: `${member.rule.chain} ${member.sep}`,
    expected: [
      `no such rule: the endpoints are ${view.expected.endpoints.reachable.map((endpoint) => `${endpoint.ip}:${endpoint.port}`).join(', ')}`,
    ],
    proof: proof('nat', [member.rule, ...(sep?.rules ?? []).filter((rule) => rule.target.kind === 'dnat')]),
    found: null,
    confidence: 'certain',
    alsoBreaks: ['I3'],
  };
}
