import { portChains } from '../kubeproxy/names.ts';
import { destinationOf } from '../kubeproxy/rule-index.ts';
import type { SurplusEntry } from '../kubeproxy/compare-entries.ts';
import { defineCheck, judged, type Fault } from './check.ts';
import { proof } from './fault.ts';
import type { PortView } from './world.ts';

export default defineCheck({
  id: 'SVC307',
  slug: 'foreign-entry',
  severity: 'error',
  invariant: 'I1',
  scope: 'service-port',
  title: "only the Service port's own addresses lead to its chains",
  docs: {
    why: `Entry rules and addresses correspond one to one. An entry rule for an address the Service does not have sends traffic that is meant for somebody else, or for nobody, to its endpoints.`,
    causes: [
      `A Service was deleted or got another address while kube-proxy was not running, and its rule stayed.`,
      `A rule was added by hand, or restored from an old save.`,
      `A node port or external IP was removed and kube-proxy has not applied it.`,
    ],
    fix: [
      `Have kube-proxy on the node write its rules again: it rewrites KUBE-SERVICES and KUBE-NODEPORTS completely.`,
    ],
    ignoreWhen: `Never for an address in use; a leftover for an unused address does no harm until the address is given out again.`,
  },
  applies: () => true,
  judge: (view) => judged(foreignEntries(view)),
});

function foreignEntries(view: PortView): readonly Fault[] {
  if (view.stale !== null) return [];
  const entries = view.comparison.surplusEntries.filter(
    (entry) =>
      entry.kind !== 'blocks' &&
      !isOdd(view, entry) &&
      !standsForEntry(view, entry) &&
      !isSharedAddress(view, entry) &&
      !belongsToAnother(view, entry),
  );
  return entries.map((entry) => ({
    title:
      entry.kind === 'leads-here'
        ? `${addressOf(entry, view)} leads to ${view.port.id}, which does not have this address`
        : `${addressOf(entry, view)} has a second entry rule, away from ${view.port.id}`,
    cause: `${entry.table} ${addressOf(entry, view)} ${entry.kind}`,
    expected: [`no such rule: ${view.port.id} has ${ownAddresses(view)}`],
    proof: proof(entry.table, [entry.rule]),
    found: null,
    confidence: 'certain',
  }));
}

/**
 * Two Services may claim the same external or load-balancer address and port: then both have a rule, each rightly, and the
 * conflict is one of the objects. Whose a rule is tells the hash in its chain's name, checked against its comment.
 */
function isSharedAddress(view: PortView, { kind, rule }: SurplusEntry): boolean {
  const { address } = destinationOf(rule);
  if (kind !== 'leads-away' || address === null || address === view.port.clusterIP) return false;
  const owner = /^(\S+) (?:external|loadbalancer) IP$/.exec(rule.comment ?? '')?.[1];
  if (owner === undefined || rule.target.kind !== 'jump') return false;
  return Object.values(portChains(owner, view.port.protocol)).includes(rule.target.chain);
}

/** For no address in particular: SVC501 tells what it catches. */
function isOdd(view: PortView, { rule }: SurplusEntry): boolean {
  return view.on.comparison.oddRules.some((odd) => odd.rule === rule);
}

/** The Service port that has the address tells where its own rule leads. */
function belongsToAnother(view: PortView, { kind, rule }: SurplusEntry): boolean {
  const { address, protocol, port } = destinationOf(rule);
  if (kind !== 'leads-here' || port === null) return false;
  const owner = view.on.ownerOf(address, protocol, port);
  return owner !== null && owner !== view.port;
}

/** Altered entries keep their place in another fault: the rule is then no second one. */
function standsForEntry(view: PortView, entry: SurplusEntry): boolean {
  return view.comparison.entries.some(
    (compared) => compared.status !== 'present' && compared.rules.includes(entry.rule),
  );
}

function addressOf(entry: SurplusEntry, view: PortView): string {
  const { address, port } = destinationOf(entry.rule);
  return address === null ? `node port ${port ?? 'any'}` : `${address}:${port ?? view.port.port}`;
}

function ownAddresses(view: PortView): string {
  const { port } = view;
  const ips = [port.clusterIP, ...port.externalIPs, ...port.loadBalancerIngress.map((ingress) => ingress.ip)];
  const vips = ips.map((ip) => `${ip}:${port.port}`).join(', ');
  return port.nodePort === 0 ? vips : `${vips} and node port ${port.nodePort}`;
}
