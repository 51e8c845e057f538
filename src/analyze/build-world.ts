import { candidateSettings } from '../kubeproxy/candidates.ts';
import { compareNode, comparePort, countDifferences, isAsExpected, type PortComparison } from '../kubeproxy/compare.ts';
import { endpointsFor } from '../kubeproxy/endpoints.ts';
import { expectNode } from '../kubeproxy/expect-node.ts';
import { expectServicePort } from '../kubeproxy/expect-service-port.ts';
import type { ProxySettings } from '../kubeproxy/expectation.ts';
import { ignoredBecause } from '../kubeproxy/ignored-service.ts';
import type { LiveRules } from '../kubeproxy/live-rules.ts';
import { ownerOfServices } from '../kubeproxy/owners.ts';
import { indexRules, type RuleIndex } from '../kubeproxy/rule-index.ts';
import { inferSettings, type SettingsOfCluster } from '../kubeproxy/settings.ts';
import { rangeOf } from '../kubeproxy/version.ts';
import { findOldPicture } from '../kubeproxy/stale.ts';
import { FAMILIES, type Family } from '../model/address.ts';
import type { NodeCondition } from '../model/node-condition.ts';
import type { Note } from '../model/report.ts';
import type { Cluster, PodFacts, Service, ServicePort } from '../model/service.ts';
import type { Snapshot, SnapshotScope } from '../model/snapshot.ts';
import type { Ruleset } from '../netfilter/rules.ts';
import type { FamilyView, NodeView, PortView, ServiceView, World } from '../checks/world.ts';
import { differencesOf } from './behaviour.ts';
import { conditionsOf } from './condition-of.ts';
import { deliveriesOf } from './deliveries.ts';
import { captureOf, type Capture, type ParseCache } from './capture.ts';
import { runningProxies } from './running-proxies.ts';
import { hasForeignRules, obstaclesOf } from './obstacles.ts';
import { UnknownNode, type SelectedService } from './selection.ts';

export interface BuiltWorld {
  readonly world: World;
  readonly notes: readonly Note[];
  readonly captures: ReadonlyMap<string, Capture>;
}

/** Everything the checks may see, from the evidence: parsed once, compared once. */
export function buildWorld(
  snapshot: Snapshot,
  cluster: Cluster,
  selected: readonly SelectedService[],
  onlyNodes: readonly string[] | null,
): BuiltWorld {
  const captures = capturesOf(snapshot, cluster);
  const readAt = snapshot.manifest?.parts.find(({ file }) => file === 'endpointslices')?.readAt ?? null;
  const services = selected.map((entry) => serviceView(entry, cluster, readAt));
  const context: Context = {
    cluster,
    captures,
    settings: inferSettings({
      cluster,
      kubeProxyObjects: snapshot.cluster.get('kube-proxy'),
      rulesets: rulesetsOf(captures),
      running: runningProxies(snapshot),
    }),
    ports: services.flatMap((view) => view.ports),
    conditionOf: conditionsOf(snapshot),
    unservedBecause: unserved(cluster, snapshot.manifest?.scope ?? null),
  };
  const unknown = onlyNodes?.find((name) => !captures.has(name));
  if (unknown !== undefined) throw new UnknownNode(unknown, [...captures.keys()]);
  const names = [...captures.keys()].filter((name) => onlyNodes === null || onlyNodes.includes(name));
  return {
    world: { cluster, services, nodes: names.map((name) => nodeView(name, context)) },
    notes: names.flatMap((name) => notesOf(captures.get(name))),
    captures,
  };
}

interface Context {
  readonly cluster: Cluster;
  readonly captures: ReadonlyMap<string, Capture>;
  readonly settings: SettingsOfCluster;
  readonly ports: readonly ServicePort[];
  readonly unservedBecause: FamilyView['unservedBecause'];
  readonly conditionOf: (node: string) => NodeCondition;
}

/**
 * Without a manifest nobody says what was asked for: a namespace of which some Service is there is taken to be there
 * whole, if default/kubernetes is there too.
 */
function unserved(cluster: Cluster, scope: SnapshotScope | null): FamilyView['unservedBecause'] {
  const services = new Map(cluster.services.map((service) => [`${service.namespace}/${service.name}`, service]));
  // A list by hand that has the one Service of every cluster was not made of chosen names.
  const listed = new Set(services.has('default/kubernetes') ? cluster.services.map(({ namespace }) => namespace) : []);
  const whole = scope === null || (scope.services === null && scope.selector === null);
  return (name) => {
    const service = services.get(name);
    if (service !== undefined) return ignoredBecause(service, null);
    const namespace = name.slice(0, name.indexOf('/'));
    const asked = scope === null ? listed.has(namespace) : scope.namespace === null || scope.namespace === namespace;
    return whole && asked ? 'gone' : null;
  };
}

/** Nodes of the API, of the manifest and of the folder, by name: a node that nobody read must be seen to be unread. */
function capturesOf(snapshot: Snapshot, cluster: Cluster): ReadonlyMap<string, Capture> {
  const evidence = new Map(snapshot.nodes.map((node) => [node.name, node]));
  const manifests = new Map((snapshot.manifest?.nodes ?? []).map((node) => [node.name, node]));
  const names = new Set([...cluster.nodes.keys(), ...evidence.keys(), ...manifests.keys()]);
  const cache: ParseCache = new Map();
  return new Map(
    [...names]
      .toSorted()
      .map((name) => [name, captureOf(name, evidence.get(name) ?? null, manifests.get(name) ?? null, cache)]),
  );
}

function rulesetsOf(
  captures: ReadonlyMap<string, Capture>,
): ReadonlyMap<string, Readonly<Record<Family, readonly Ruleset[]>>> {
  return new Map(
    [...captures].flatMap(([name, capture]) => (capture.status === 'read' ? [[name, capture.rulesets] as const] : [])),
  );
}

function serviceView({ service, ports }: SelectedService, cluster: Cluster, readAt: string | null): ServiceView {
  const withoutRules = ignoredBecause(service, null);
  return {
    service,
    ports: withoutRules === null ? ports : [],
    withoutRules,
    pods: podsOf(service, cluster),
    cluster,
    readAt,
  };
}

function podsOf(service: Service, cluster: Cluster): readonly PodFacts[] | null {
  const { selector, namespace } = service;
  if (cluster.pods === null || selector === null) return null;
  return cluster.pods.filter(
    (pod) => pod.namespace === namespace && [...selector].every(([key, value]) => pod.labels.get(key) === value),
  );
}

function nodeView(name: string, context: Context): NodeView {
  const capture = context.captures.get(name);
  const mode = context.settings.modeOf(name);
  const unjudged = (because: string, tryThis: string | null, owner: string | null = null): NodeView => ({
    status: 'unjudged',
    name,
    mode,
    because,
    owner,
    tryThis,
  });
  if (capture === undefined) return unjudged('it was not read', null);
  if (capture.status === 'unread') return unjudged(capture.because, capture.tryThis);
  switch (mode.mode) {
    case 'iptables':
      return { status: 'judged', name, mode, families: familiesOf(name, capture, context) };
    case 'none': {
      const rulesets = FAMILIES.flatMap((family) => capture.rulesets[family]);
      const owner = ownerOfServices(context.cluster.nodes.get(name)?.annotations ?? [], rulesets);
      return owner === null
        ? unjudged(`${mode.from}: Services may be served by something else, and nothing is judged`, null)
        : unjudged(`${mode.from}; ${owner.name} serves Services here (${owner.signs})`, owner.tool, owner.name);
    }
    case 'ipvs':
    case 'nftables':
      return unjudged(`kube-proxy works in ${mode.mode} mode here (${mode.from}); only iptables mode is judged`, null);
    case 'unknown':
      return unjudged(mode.from, null);
  }
}

function familiesOf(
  name: string,
  capture: Extract<Capture, { readonly status: 'read' }>,
  context: Context,
): readonly FamilyView[] {
  const condition = context.conditionOf(name);
  return FAMILIES.flatMap((family) => {
    const live = context.settings.liveOf(name, family);
    const settings = context.settings.settingsOf(name, family);
    if (capture.rulesets[family].length === 0 || live === null || settings === null) return [];
    const { rulesets } = capture;
    return [familyView(name, { live, condition, allBackends: rulesets[family] }, settings, context)];
  });
}

/** What was read of a node for one family. */
interface ReadFamily {
  readonly live: LiveRules;
  readonly condition: NodeCondition;
  readonly allBackends: readonly Ruleset[];
}

function familyView(
  node: string,
  { live: { ruleset, hasProxyRules, others }, condition, allBackends }: ReadFamily,
  settings: ProxySettings,
  { cluster, ports, unservedBecause }: Context,
): FamilyView {
  const { family } = settings;
  const index = indexOf(ruleset);
  const oldest = rangeOf(settings).min;
  // Before 1.35 a label more than today's made kube-proxy pass over a Service.
  const owned = ports.filter((port) => port.family === family && ignoredBecause(port.service, oldest) === null);
  const on: FamilyView = {
    node,
    facts: cluster.nodes.get(node) ?? null,
    condition,
    family,
    settings,
    index,
    hasProxyRules,
    allBackends,
    // A plain iptables-save shows one of the two once more.
    otherBackends: ruleset.backend === 'unknown' ? [] : others.filter(({ backend }) => backend !== 'unknown'),
    unservedBecause,
    cluster,
    twin: hasProxyRules && others.length === 0 ? twinOf(ruleset, settings) : null,
    comparison: compareNode(expectNode(settings), index),
    endpoints: (port) => cluster.endpointsOf(port),
    ports: owned,
    ownerOf: ownerOf(owned),
    viewOf: (port) => portView(port, on, cluster),
  };
  return on;
}

const indexes = new WeakMap<Ruleset, RuleIndex>();

/** Nodes with the same text share the parsed rules, and so the index. */
function indexOf(ruleset: Ruleset): RuleIndex {
  const index = indexes.get(ruleset) ?? indexRules(ruleset);
  indexes.set(ruleset, index);
  return index;
}

/** Rules of other software may name a node's addresses: then no node is like another. */
function twinOf(ruleset: Ruleset, settings: ProxySettings): FamilyView['twin'] {
  if (hasForeignRules(ruleset)) return null;
  const { nodeName: _name, zone: _zone, nodeIPs: _ips, ...rest } = settings;
  return { ruleset, settings: JSON.stringify(rest) };
}

/** The index is made when the first question comes: in a healthy cluster none does. */
function ownerOf(ports: readonly ServicePort[]): FamilyView['ownerOf'] {
  let owners: Map<string, ServicePort> | null = null;
  const keyOf = (address: string | null, protocol: string, port: number): string => `${address} ${protocol} ${port}`;
  return (address, protocol, port) => {
    owners ??= new Map(
      ports.flatMap((owner) => {
        const ips = [owner.clusterIP, ...owner.externalIPs, ...owner.loadBalancerIngress.map(({ ip }) => ip)];
        const keys = ips.map((ip) => keyOf(ip, owner.protocol, owner.port));
        return [...keys, keyOf(null, owner.protocol, owner.nodePort)].map((key) => [key, owner] as const);
      }),
    );
    return owners.get(keyOf(address, protocol.toUpperCase(), port)) ?? null;
  };
}

function portView(port: ServicePort, on: FamilyView, cluster: Cluster): PortView {
  const comparison = closestComparison(port, on, cluster);
  const view: PortView = {
    port,
    expected: comparison.expected,
    comparison,
    stale: isAsExpected(comparison) ? null : findOldPicture(comparison, on.index),
    behaviour: () => differencesOf(view),
    obstacles: () => obstaclesOf(view),
    deliveries: () => deliveriesOf(view),
    on,
  };
  return view;
}

/** Where the node's version is not known, its rules are held to those of the version they come closest to. */
function closestComparison(port: ServicePort, on: FamilyView, cluster: Cluster): PortComparison {
  const endpoints = endpointsFor(cluster, port, on.settings);
  const compareWith = (settings: ProxySettings): PortComparison =>
    comparePort(expectServicePort(port, endpoints, settings), on.index);
  const [newest = on.settings, ...older] = candidateSettings(port, endpoints, on.settings);
  let closest = compareWith(newest);
  for (const settings of older) {
    if (isAsExpected(closest)) break;
    const other = compareWith(settings);
    if (countDifferences(other) < countDifferences(closest)) closest = other;
  }
  return closest;
}

function notesOf(capture: Capture | undefined): readonly Note[] {
  return capture?.status === 'read' ? capture.notes : [];
}
