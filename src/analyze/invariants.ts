import type { Applicability, Hit, OpenQuestion, RunResult } from '../checks/run.ts';
import { brokenBy } from '../checks/run.ts';
import type { FamilyView, NodeView, World } from '../checks/world.ts';
import { type Invariant, type InvariantResult, type ServicePortResult, type State } from '../model/report.ts';
import { printAddressPort } from '../model/address.ts';
import type { ServicePort } from '../model/service.ts';

/** The matrix: each invariant of each Service port on each node. */
export function servicePortResults(world: World, run: RunResult): readonly ServicePortResult[] {
  const facts: Facts = {
    broken: indexBroken(run.hits),
    unknown: indexOpen(run.open),
    applicability: run.applicability,
  };
  const ports = world.services.flatMap((service) => service.ports);
  const byId = Map.groupBy(ports, (port) => `${port.id}/${port.protocol}`);
  return [...byId.values()].map((families) => resultOf(world, families, facts));
}

/** What is known of ports on nodes; keys are those of {@link key}. */
interface Facts {
  readonly broken: ReadonlySet<string>;
  readonly unknown: ReadonlyMap<string, string>;
  readonly applicability: RunResult['applicability'];
}

function key(port: ServicePort, node: string, invariant: Invariant): string {
  return `${port.id}/${port.protocol}/${port.family} ${node} ${invariant}`;
}

function indexBroken(hits: readonly Hit[]): ReadonlySet<string> {
  const broken = new Set<string>();
  for (const hit of hits) {
    const views = hit.scope === 'service' ? [] : hit.scope === 'node' ? hit.ports : [hit.view];
    for (const view of views) {
      for (const invariant of brokenBy(hit)) broken.add(key(view.port, view.on.node, invariant));
    }
  }
  return broken;
}

function indexOpen(open: readonly OpenQuestion[]): ReadonlyMap<string, string> {
  const unknown = new Map<string, string>();
  for (const { check, view, because } of open) {
    if (check.invariant !== null) unknown.set(key(view.port, view.on.node, check.invariant), because);
  }
  return unknown;
}

function resultOf(world: World, families: readonly ServicePort[], facts: Facts): ServicePortResult {
  const [port] = families;
  if (port === undefined) throw new Error('a Service port without a family');
  const states = (invariant: Invariant): InvariantResult => {
    const nodes = world.nodes.map((node) => onNode(node, families, invariant, facts));
    return { state: worstState(nodes.map((node) => node.state)), nodes };
  };
  return {
    id: port.id,
    namespace: port.service.namespace,
    service: port.service.name,
    port: port.port,
    protocol: port.protocol,
    ...(port.nodePort === 0 ? {} : { nodePort: port.nodePort }),
    families: families.map((member) => member.family),
    addresses: families.flatMap(addressesOf),
    endpoints: endpointsOf(world, families),
    invariants: { I1: states('I1'), I2: states('I2'), I3: states('I3'), I4: states('I4') },
  };
}

function onNode(
  node: NodeView,
  families: readonly ServicePort[],
  invariant: Invariant,
  facts: Facts,
): InvariantResult['nodes'][number] {
  if (node.status === 'unjudged') return { name: node.name, state: 'undetermined', because: node.because };
  const results = families.map((port) => ofPort(node, port, invariant, facts));
  const state = worstState(results.map((result) => result.state));
  const because = results.find((result) => result.state === state)?.because;
  return { name: node.name, state, ...(because === undefined ? {} : { because }) };
}

interface StateBecause {
  readonly state: State;
  readonly because?: string;
}

function ofPort(
  node: Extract<NodeView, { readonly status: 'judged' }>,
  port: ServicePort,
  invariant: Invariant,
  facts: Facts,
): StateBecause {
  const name = key(port, node.name, invariant);
  if (facts.broken.has(name)) return { state: 'failed' };
  const family = node.families.find((candidate) => candidate.family === port.family);
  if (family === undefined) {
    return {
      state: 'undetermined',
      because: `the node's ${port.family} rules were not read, or kube-proxy writes none`,
    };
  }
  const because = facts.unknown.get(name);
  if (because !== undefined) return { state: 'undetermined', because };
  const applicability = facts.applicability.get(family)?.get(port);
  if (applicability === undefined) return { state: 'not-applicable' };
  return applies(invariant, port, applicability, family) ? { state: 'ok' } : { state: 'not-applicable' };
}

/** I2 and I3 need endpoints; I4 needs connections that are to be masqueraded at their way in from outside. */
function applies(invariant: Invariant, port: ServicePort, applicability: Applicability, family: FamilyView): boolean {
  switch (invariant) {
    case 'I1':
      return true;
    case 'I2':
      return applicability.endpoints;
    case 'I3':
      return applicability.balancing;
    case 'I4':
      return family.hasProxyRules && isExternal(port) && applicability.endpoints;
  }
}

function isExternal(port: ServicePort): boolean {
  return port.nodePort !== 0 || port.externalIPs.length > 0 || port.loadBalancerIngress.length > 0;
}

function addressesOf(port: ServicePort): readonly string[] {
  const ips = [port.clusterIP, ...port.externalIPs, ...port.loadBalancerIngress.map((ingress) => ingress.ip)];
  return [...new Set(ips)].map((ip) => printAddressPort(ip, port.port));
}

function endpointsOf(world: World, families: readonly ServicePort[]): readonly string[] {
  const usable = families.flatMap((port) =>
    world.cluster.endpointsOf(port).filter((endpoint) => endpoint.ready || (endpoint.serving && endpoint.terminating)),
  );
  return [...new Set(usable.map((endpoint) => printAddressPort(endpoint.ip, endpoint.port)))].toSorted();
}

const ORDER: readonly State[] = ['failed', 'undetermined', 'ok', 'not-applicable'];

/** Failed before undetermined before ok; not-applicable only when nothing else is there. */
export function worstState(states: readonly State[]): State {
  return ORDER.find((state) => states.includes(state)) ?? 'undetermined';
}
