import { familyOf, cidrContains, printCidr, type Family } from '../model/address.ts';
import type { Cluster, NodeFacts } from '../model/service.ts';
import type { LocalDetection, Setting } from './expectation.ts';
import { clusterCidrOf, type ProxyConfig } from './proxy-config.ts';
import { printDetection, type RuleFacts } from './rule-facts.ts';
import { createVotes, type Votes } from './votes.ts';

/** How pods of the node are told from others, and whether everything is masqueraded: one answer for the cluster. */
export interface DetectionOfCluster {
  readonly masqueradeAll: Setting<boolean>;
  readonly detectionOf: (node: string) => Setting<LocalDetection | null>;
  /** Forms that were seen when it is not known. */
  readonly seen: readonly LocalDetection[];
}

const NONE: LocalDetection = { mode: 'none' };

export function configuredDetection(config: ProxyConfig, cluster: Cluster, family: Family): DetectionOfCluster {
  const { from } = config;
  const byCidr = sourceOf(clusterCidrOf(config, family));
  const shared = new Map<string, LocalDetection>();
  const detectionOf = (node: string): LocalDetection | null => {
    switch (config.detectLocalMode) {
      case 'NodeCIDR':
        return nodeDetection(cluster.nodes.get(node), family, shared);
      case 'BridgeInterface':
        return interfaceOf(config.bridgeInterface, '');
      case 'InterfaceNamePrefix':
        return interfaceOf(config.interfaceNamePrefix, '+');
      default:
        return byCidr;
    }
  };
  return {
    masqueradeAll: { value: config.masqueradeAll, origin: 'configured', from },
    detectionOf: (node) => ({ value: detectionOf(node), origin: 'configured', from }),
    seen: [],
  };
}

function sourceOf(cidr: Extract<LocalDetection, { readonly mode: 'source' }>['cidr'] | null): LocalDetection {
  return cidr === null ? NONE : { mode: 'source', cidr };
}

const interfaces = new Map<string, LocalDetection>();

function interfaceOf(name: string, suffix: string): LocalDetection {
  if (name === '') return NONE;
  const known = interfaces.get(name + suffix) ?? { mode: 'interface', name: name + suffix };
  interfaces.set(name + suffix, known);
  return known;
}

/** null: the Node object was not read. One object for each node, as rules share what is made of it. */
function nodeDetection(
  node: NodeFacts | undefined,
  family: Family,
  shared: Map<string, LocalDetection>,
): LocalDetection | null {
  if (node === undefined) return null;
  const known = shared.get(node.name) ?? sourceOf(podCidrOf(node, family));
  shared.set(node.name, known);
  return known;
}

function podCidrOf(node: NodeFacts, family: Family): NodeFacts['podCIDRs'][number] | null {
  return node.podCIDRs.find((cidr) => familyOf(cidr.base) === family) ?? null;
}

/**
 * From the rules of all nodes together. Rules for cluster IPs are written for all Services or for none, so that a
 * single one tells the form, and a missing one among others tells nothing.
 */
export function inferredDetection(
  facts: ReadonlyMap<string, RuleFacts>,
  cluster: Cluster,
  family: Family,
): DetectionOfCluster {
  const sum = (of: (facts: RuleFacts) => number): number =>
    [...facts.values()].reduce((total, node) => total + of(node), 0);
  const unconditional = sum((node) => node.unconditionalMarks);
  const conditional = sum((node) => node.conditionalMarks);
  const places = sum((node) => node.clusterIPs);
  const votes = createVotes<LocalDetection>(printDetection);
  for (const node of facts.values()) votes.addAll(node.detections);
  const masqueradeAll = inferMasqueradeAll(unconditional, conditional, facts.size);
  const perNode = nodeCidrs(facts, cluster, family);
  if (perNode !== null) {
    const from = `each node's own pod CIDR in ${rulesOn(votes.total(), facts.size)}`;
    const detectionOf = (node: string): Setting<LocalDetection | null> => ({
      value: nodeDetection(cluster.nodes.get(node), family, perNode),
      origin: 'inferred',
      from,
    });
    return { masqueradeAll, detectionOf, seen: [] };
  }
  const ranked = votes.ranked();
  const winner = votes.winner() ?? broadest(votes, cluster, family);
  const setting = detectionSetting(winner, ranked.length, places, masqueradeAll.value, facts.size);
  const seen = setting.value === null ? ranked.map((vote) => vote.value) : [];
  return { masqueradeAll, detectionOf: () => setting, seen };
}

function rulesOn(rules: number, nodes: number): string {
  return `${rules} ${rules === 1 ? 'rule' : 'rules'} on ${nodes} ${nodes === 1 ? 'node' : 'nodes'}`;
}

/** Off is the default; a single unconditional rule may as well be a damaged one. */
function inferMasqueradeAll(unconditional: number, conditional: number, nodes: number): Setting<boolean> {
  if (unconditional + conditional === 0) return { value: false, origin: 'assumed', from: 'default of kube-proxy' };
  if (unconditional === 1 && conditional === 0) {
    return { value: false, origin: 'assumed', from: 'default of kube-proxy; one rule says otherwise' };
  }
  const value = unconditional > conditional;
  return { value, origin: 'inferred', from: rulesOn(value ? unconditional : conditional, nodes) };
}

function detectionSetting(
  winner: { readonly value: LocalDetection; readonly count: number } | null,
  forms: number,
  places: number,
  masqueradeAll: boolean,
  nodes: number,
): Setting<LocalDetection | null> {
  if (winner !== null) return { value: winner.value, origin: 'inferred', from: rulesOn(winner.count, nodes) };
  if (forms > 0) return { value: null, origin: 'inferred', from: 'rules that contradict each other' };
  if (!masqueradeAll && places >= 2) {
    return { value: NONE, origin: 'inferred', from: `none of ${rulesOn(places, nodes)} has a mark rule before it` };
  }
  return { value: null, origin: 'assumed', from: 'no rule that would tell' };
}

/** Of equally frequent ranges the one that holds all nodes' pods, if only one does. */
function broadest(
  votes: Votes<LocalDetection>,
  cluster: Cluster,
  family: Family,
): { readonly value: LocalDetection; readonly count: number } | null {
  const pods = [...cluster.nodes.values()].flatMap((node) => podCidrOf(node, family) ?? []);
  if (pods.length === 0) return null;
  const fitting = votes.ranked().filter(({ value }) => {
    if (value.mode !== 'source') return false;
    return pods.every((cidr) => cidr.prefix >= value.cidr.prefix && cidrContains(value.cidr, cidr.base));
  });
  return fitting.length === 1 ? (fitting[0] ?? null) : null;
}

/** Every node's most frequent form is its own pod CIDR, and not all nodes have the same: mode NodeCIDR. */
function nodeCidrs(
  facts: ReadonlyMap<string, RuleFacts>,
  cluster: Cluster,
  family: Family,
): Map<string, LocalDetection> | null {
  const seen = new Set<string>();
  let own = 0;
  let other = 0;
  for (const [name, node] of facts) {
    const [first] = node.detections.ranked();
    if (first === undefined) continue;
    const facts = cluster.nodes.get(name);
    const cidr = facts === undefined ? null : podCidrOf(facts, family);
    const text = printDetection(first.value);
    if (cidr !== null && printCidr(cidr) === text) own++;
    else other++;
    seen.add(text);
  }
  return own >= 2 && own > other && seen.size > 1 ? new Map<string, LocalDetection>() : null;
}
