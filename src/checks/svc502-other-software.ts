import { printRule } from '../netfilter/print.ts';
import { defineCheck, judged, type Fault, type RuleProof } from './check.ts';
import type { Obstacle, PortView } from './world.ts';

export default defineCheck({
  id: 'SVC502',
  slug: 'other-software',
  severity: 'error',
  harmless: 'warning',
  invariant: null,
  scope: 'service-port',
  title: 'rules of other software let connections to the Service through',
  docs: {
    why: `kube-proxy only translates; whether a translated packet passes is up to all rules of the node. This check walks connections through every table and chain, and reports what certainly stops them after kube-proxy has done its part. What only keeps connections from outside the cluster off node ports and pods is a warning, since a firewall may mean it.`,
    causes: [
      `The FORWARD policy is DROP (Docker sets it) and nothing accepts traffic of pods: kube-proxy's KUBE-FORWARD accepts only what is marked and what belongs to known connections.`,
      `A firewall (firewalld, ufw, a rule by hand) drops or rejects forwarded traffic.`,
      `A network policy denies the connection.`,
    ],
    fix: [
      `Read the rule that is shown, and find its owner by its chain and comment.`,
      `For a FORWARD policy of DROP: iptables -P FORWARD ACCEPT, or let the CNI plugin add its accept rules.`,
    ],
    ignoreWhen: `When the rule is meant to stop these connections. The addresses walked are examples: an unused address of the node's pod range, the node's own, and one outside the cluster.`,
  },
  applies: (view) => view.stale === null && view.expected.endpoints.hasEndpoints,
  judge: (view) => judged(faults(view)),
});

function faults(view: PortView): readonly Fault[] {
  const byRule = Map.groupBy(view.obstacles(), ({ rule, because }) => (rule === null ? because : printRule(rule.rule)));
  return [...byRule].map(([cause, obstacles]) => fault(cause, obstacles));
}

/** A firewall may keep strangers off node ports and pods; an address made for them is another matter. */
function mayBeMeant({ client, verdict, toOuterAddress }: Obstacle): boolean {
  return client === 'external' && !toOuterAddress && FIREWALL_VERDICTS.has(verdict);
}

const FIREWALL_VERDICTS: ReadonlySet<Obstacle['verdict']> = new Set(['dropped', 'rejected']);

function fault(cause: string, obstacles: readonly Obstacle[]): Fault {
  const [first] = obstacles;
  const proof: readonly RuleProof[] = first === undefined || first.rule === null ? [] : [first.rule];
  const endpoints = [...new Set(obstacles.map((obstacle) => obstacle.endpoint))].toSorted();
  return {
    title: `connections are ${first?.verdict ?? 'stopped'} by ${proof.length > 0 ? "a rule that is not kube-proxy's" : cause}`,
    cause,
    spansPorts: true,
    expected: ['translated connections pass'],
    proof,
    found: `they are sent to ${endpoints.join(', ')}`,
    stopped: obstacles,
    mayBeMeant: obstacles.every(mayBeMeant),
    confidence: 'likely',
    fix: [],
  };
}
