import { FAMILIES, familyOf, parseIp, type Family, type Ip } from '../model/address.ts';
import type { Cluster } from '../model/service.ts';
import type { Ruleset } from '../netfilter/rules.ts';
import type { ProxySettings } from './expectation.ts';
import { featuresOf } from './features.ts';
import { signsOf, type Sign } from './fingerprints.ts';
import { configuredDetection, inferredDetection, type DetectionOfCluster } from './infer-detection.ts';
import { configuredMark, inferMark } from './infer-mark.ts';
import { configuredLocalhost, configuredNodePorts, inferLocalhost, inferNodePorts } from './infer-node-ports.ts';
import { inferVersion, type VersionEvidence, type VersionSettings } from './infer-version.ts';
import { chooseLive, type LiveRules } from './live-rules.ts';
import type { ProxyConfig } from './proxy-config.ts';
import { decideMode, ruleModeOf, type NodeMode, type ToldMode } from './proxy-mode.ts';
import { readProxyObjects, type ProxyObjects } from './proxy-objects.ts';
import { factsOf, type RuleFacts } from './rule-facts.ts';
import { parseVersion } from './version.ts';

export type { NodeMode } from './proxy-mode.ts';
export type { LiveRules } from './live-rules.ts';

export interface SettingsEvidence {
  readonly cluster: Cluster;
  /** Content of `cluster/kube-proxy.json`; undefined: not read. */
  readonly kubeProxyObjects: unknown;
  /** Rule sets of the nodes that were read, of every back end. */
  readonly rulesets: ReadonlyMap<string, Readonly<Record<Family, readonly Ruleset[]>>>;
  /** What the kube-proxies themselves answered, by node. */
  readonly running?: ReadonlyMap<string, RunningProxy>;
}

export interface RunningProxy {
  /** `git_version` of its metrics. */
  readonly version?: string;
  /** What `/proxyMode` answers, or what is as good. */
  readonly mode?: string;
  /** How the mode is known, for the report. */
  readonly modeFrom?: string;
}

export interface SettingsOfCluster {
  /** null: kube-proxy writes no rules of iptables mode for this family on this node, or nothing tells with what settings. */
  readonly settingsOf: (node: string, family: Family) => ProxySettings | null;
  readonly modeOf: (node: string) => NodeMode;
  /** null: no rule set of the family was read on the node. */
  readonly liveOf: (node: string, family: Family) => LiveRules | null;
}

interface World {
  readonly cluster: Cluster;
  readonly objects: ProxyObjects;
  readonly running: ReadonlyMap<string, RunningProxy>;
  readonly live: ReadonlyMap<string, Readonly<Record<Family, LiveRules | null>>>;
  /** Of the nodes with rules of iptables mode. */
  readonly facts: Readonly<Record<Family, ReadonlyMap<string, RuleFacts>>>;
  readonly signs: ReadonlyMap<string, readonly Sign[]>;
}

/**
 * The settings of every node's kube-proxy: from its configuration where that was read, else from the rules of all nodes
 * together, so that damage on one node does not change what is expected of it.
 */
export function inferSettings(evidence: SettingsEvidence): SettingsOfCluster {
  const world = readWorld(evidence);
  const detections = {
    IPv4: memo((config: ProxyConfig | null) => detectionIn(world, 'IPv4', config)),
    IPv6: memo((config: ProxyConfig | null) => detectionIn(world, 'IPv6', config)),
  };
  const made = new Map<string, ProxySettings | null>();
  const modes = memo((node: string) => modeIn(world, node, evidence));
  return {
    settingsOf(node, family) {
      const key = `${family} ${node}`;
      const known = made.get(key);
      if (known !== undefined) return known;
      const judged = modes(node).mode === 'iptables';
      const settings = judged ? settingsIn(world, node, family, detections[family]) : null;
      made.set(key, settings);
      return settings;
    },
    modeOf: modes,
    liveOf: (node, family) => world.live.get(node)?.[family] ?? null,
  };
}

function memo<K, V>(make: (key: K) => V): (key: K) => V {
  const made = new Map<K, V>();
  return (key) => {
    const known = made.get(key);
    if (known !== undefined) return known;
    const value = make(key);
    made.set(key, value);
    return value;
  };
}

function readWorld(evidence: SettingsEvidence): World {
  const { cluster } = evidence;
  const clusterIPs = new Set<Ip>(cluster.servicePorts.map((port) => port.clusterIP));
  const nodes = [...evidence.rulesets.keys()].toSorted();
  const live = new Map<string, Record<Family, LiveRules | null>>();
  const facts = { IPv4: new Map<string, RuleFacts>(), IPv6: new Map<string, RuleFacts>() };
  const signs = new Map<string, readonly Sign[]>();
  // Nodes with the same text share the rule set.
  const knownFacts = memo((ruleset: Ruleset) => factsOf(ruleset, clusterIPs));
  const knownSigns = memo((ruleset: Ruleset) => signsOf(ruleset, clusterIPs));
  for (const node of nodes) {
    const rulesets = evidence.rulesets.get(node) ?? { IPv4: [], IPv6: [] };
    const chosen = { IPv4: chooseLive(rulesets.IPv4), IPv6: chooseLive(rulesets.IPv6) };
    live.set(node, chosen);
    const written = FAMILIES.flatMap((family) => (chosen[family]?.hasProxyRules ? [chosen[family].ruleset] : []));
    if (ruleModeOf(written) !== 'iptables') continue;
    for (const ruleset of written) facts[ruleset.family].set(node, knownFacts(ruleset));
    signs.set(node, written.flatMap(knownSigns));
  }
  const objects = readProxyObjects(evidence.kubeProxyObjects);
  return { cluster, objects, running: evidence.running ?? new Map(), live, facts, signs };
}

function configOf(world: World, node: string): ProxyConfig | null {
  return world.objects.pods.get(node)?.config ?? world.objects.config;
}

function modeIn(world: World, node: string, evidence: SettingsEvidence): NodeMode {
  const rulesets = evidence.rulesets.get(node);
  const all = rulesets === undefined ? [] : [...rulesets.IPv4, ...rulesets.IPv6];
  const config = configOf(world, node);
  const configured: ToldMode | null = config === null ? null : { mode: config.mode, from: config.from };
  const { mode, modeFrom = "answer of the node's kube-proxy" } = world.running.get(node) ?? {};
  const running = mode === undefined ? null : { mode, from: modeFrom };
  return decideMode(ruleModeOf(all), running, configured, world.signs.size > 0);
}

function detectionIn(world: World, family: Family, config: ProxyConfig | null): DetectionOfCluster {
  if (config !== null) return configuredDetection(config, world.cluster, family);
  return inferredDetection(world.facts[family], world.cluster, family);
}

function settingsIn(
  world: World,
  node: string,
  family: Family,
  detections: (config: ProxyConfig | null) => DetectionOfCluster,
): ProxySettings | null {
  const { cluster, facts } = world;
  const own = facts[family].get(node);
  const config = configOf(world, node);
  const version = versionIn(world, node);
  if (version === null) return null;
  const detection = detections(config);
  const ofNode = FAMILIES.flatMap((each) => facts[each].get(node) ?? []);
  const all = [...facts[family].values()];
  const everything = [...facts.IPv4.values(), ...facts.IPv6.values()];
  const object = cluster.nodes.get(node);
  return {
    family,
    ...version,
    mark: config === null ? inferMark(ofNode, everything) : configuredMark(config),
    masqueradeAll: detection.masqueradeAll,
    localDetection: detection.detectionOf(node),
    localDetectionSeen: detection.seen,
    nodePortAddresses:
      config === null
        ? inferNodePorts({ node, facts: facts[family], internalIP: (name) => internalIP(world, name, family) })
        : configuredNodePorts(config, family, object),
    localhostNodePorts: config === null ? inferLocalhost(family, all) : configuredLocalhost(config),
    nodeName: (world.objects.pods.get(node)?.hostname ?? node).toLowerCase(),
    zone: object?.zone ?? null,
    nodeIPs: nodeIPs(world, node, family, config, version),
    ...(own === undefined ? { borrowed: facts[family].size > 0 ? ('nodes' as const) : ('family' as const) } : {}),
  };
}

function internalIP({ cluster }: World, node: string, family: Family): Ip | null {
  return cluster.nodes.get(node)?.internalIPs.find((ip) => familyOf(ip) === family) ?? null;
}

/** A node without rules, and without anybody to tell its version, is taken to be like the others. */
function versionIn(world: World, node: string): VersionSettings | null {
  const own = inferVersion(evidenceOf(world, node, world.signs.get(node) ?? [], 'rules of the node'));
  if (own !== null) return own;
  return inferVersion(evidenceOf(world, node, [...world.signs.values()].flat(), 'rules of the other nodes'));
}

function evidenceOf(world: World, node: string, signs: readonly Sign[], signsFrom: string): VersionEvidence {
  const answer = world.running.get(node)?.version;
  const running = answer === undefined ? null : parseVersion(answer);
  const image = world.objects.pods.get(node)?.image ?? world.objects.image;
  const told = running === null ? image : { version: running, from: 'metrics of the node’s kube-proxy' };
  return { told, signs, signsFrom };
}

/**
 * bindAddress, else the Node's first address of the family. Before 1.29 kube-proxy may have fallen back to loopback
 * (seen in dual-stack clusters, #119525), so both are possible.
 */
function nodeIPs(
  world: World,
  node: string,
  family: Family,
  config: ProxyConfig | null,
  version: VersionSettings,
): readonly Ip[] {
  if (config !== null && config.bindAddress !== null && familyOf(config.bindAddress) === family) {
    return [config.bindAddress];
  }
  const object = world.cluster.nodes.get(node);
  const addresses = [...(object?.internalIPs ?? []), ...(object?.addresses ?? [])];
  const own = addresses.filter((ip) => familyOf(ip) === family).slice(0, 1);
  const loopback = parseIp(family === 'IPv4' ? '127.0.0.1' : '::1');
  if (own.length === 0 || loopback === null || featuresOf(version)('nodeAddressOfBothFamilies') === true) return own;
  return [...own, loopback];
}
