import type { Family } from '../model/address.ts';
import type { Cluster, ServicePort } from '../model/service.ts';
import type { Chain, ChainName, Rule, Ruleset, Table, TableName } from '../netfilter/rules.ts';
import { endpointsFor } from './endpoints.ts';
import { expectNode } from './expect-node.ts';
import { expectServicePort } from './expect-service-port.ts';
import type { ExpectedChain, ExpectedNode, ExpectedRule, ExpectedServicePort, ProxySettings } from './expectation.ts';
import { ignoredBecause } from './ignored-service.ts';
import { newestOf, rangeOf } from './version.ts';

/** Expectations put together to a rule set as iptables-save would print it. */

/** Built-in chains, in the order iptables prints them. */
const BUILT_IN: readonly (readonly [TableName, readonly ChainName[]])[] = [
  ['mangle', ['PREROUTING', 'INPUT', 'FORWARD', 'OUTPUT', 'POSTROUTING']],
  ['filter', ['INPUT', 'FORWARD', 'OUTPUT']],
  ['nat', ['PREROUTING', 'INPUT', 'OUTPUT', 'POSTROUTING']],
];

/** Chains that are there even when they are empty. */
const TOP_LEVEL: readonly (readonly [TableName, ChainName])[] = [
  ['mangle', 'KUBE-PROXY-CANARY'],
  ['filter', 'KUBE-PROXY-CANARY'],
  ['filter', 'KUBE-SERVICES'],
  ['filter', 'KUBE-EXTERNAL-SERVICES'],
  ['nat', 'KUBE-PROXY-CANARY'],
  ['nat', 'KUBE-SERVICES'],
  ['nat', 'KUBE-NODEPORTS'],
];

type Lists = Map<TableName, Map<ChainName, Rule[]>>;

function listOf(lists: Lists, table: TableName, chain: ChainName): Rule[] {
  const chains = lists.get(table) ?? new Map<ChainName, Rule[]>();
  lists.set(table, chains);
  const list = chains.get(chain) ?? [];
  chains.set(chain, list);
  return list;
}

/** A rule that may be there or not is left out, except those kube-proxy usually writes, counters aside. */
function isShown(expected: ExpectedRule): boolean {
  return expected.presence === 'required' || SHOWN_ANYWAY.has(expected.role);
}

const SHOWN_ANYWAY: ReadonlySet<ExpectedRule['role']> = new Set([
  'forward-invalid',
  'firewall-end',
  'firewall-drop',
  'firewall-allow',
  'node-port-entry',
  'node-ports-jump',
  'node-port-localhost-entry',
]);

function addRule(lists: Lists, expected: ExpectedRule): void {
  if (isShown(expected)) listOf(lists, expected.table, expected.rule.chain).push(expected.rule);
}

/** KUBE-FIREWALL is there when something leads to it or it holds a rule; every other chain kube-proxy makes anyway. */
function addChain(lists: Lists, chain: ExpectedChain): void {
  if (chain.name !== 'KUBE-FIREWALL') listOf(lists, chain.table, chain.name);
  for (const rule of chain.rules) addRule(lists, rule);
}

/** Everything of one node and some Service ports, in the order of iptables-save. */
export function assemble(
  node: ExpectedNode,
  ports: Iterable<ExpectedServicePort>,
  family: Family,
  source = 'expected',
): Ruleset {
  const lists: Lists = new Map();
  for (const [table, chain] of TOP_LEVEL) listOf(lists, table, chain);
  for (const jump of node.jumps) {
    if (!isShown(jump)) continue;
    addRule(lists, jump);
    if (jump.rule.target.kind === 'jump') listOf(lists, jump.table, jump.rule.target.chain);
  }
  for (const chain of node.chains) addChain(lists, chain);
  for (const port of ports) {
    for (const entry of port.entries) addRule(lists, entry);
    for (const chain of port.chains) addChain(lists, chain);
  }
  for (const jump of node.nodePortsJumps) addRule(lists, jump);
  const tables = BUILT_IN.map(([table, builtIn]) => [table, tableOf(table, builtIn, lists)] as const);
  return { family, backend: 'unknown', source, tables: new Map(tables) };
}

function tableOf(name: TableName, builtIn: readonly ChainName[], lists: Lists): Table {
  const made = lists.get(name) ?? new Map<ChainName, Rule[]>();
  const chains = new Map<ChainName, Chain>();
  for (const chain of builtIn) {
    chains.set(chain, { name: chain, policy: 'ACCEPT', line: null, rules: made.get(chain) ?? [] });
  }
  const own = [...made.keys()].filter((chain) => !chains.has(chain)).sort();
  for (const chain of own) chains.set(chain, { name: chain, policy: null, line: null, rules: made.get(chain) ?? [] });
  return { name, chains };
}

/** The rules of one Service port with those of the node, as much as a packet to the port can meet. */
export function assemblePort(node: ExpectedNode, port: ExpectedServicePort, family: Family): Ruleset {
  return assemble(node, [port], family);
}

/** Service ports of this family that kube-proxy makes rules for. */
export function programmedPorts(cluster: Cluster, settings: ProxySettings): readonly ServicePort[] {
  const version = newestOf(rangeOf(settings));
  return cluster.servicePorts.filter(
    (port) => port.family === settings.family && ignoredBecause(port.service, version) === null,
  );
}

/** Endpoints of all programmed ports, which decide on the comments of a large cluster. */
export function countEndpoints(cluster: Cluster, settings: ProxySettings): number {
  let total = 0;
  for (const port of programmedPorts(cluster, settings)) total += endpointsFor(cluster, port, settings).length;
  return total;
}

/** All rules kube-proxy should have written on a node in the family of the settings, for all Services of the cluster. */
export function expectedRuleset(cluster: Cluster, settings: ProxySettings): Ruleset {
  const totalEndpoints = countEndpoints(cluster, settings);
  const ports = programmedPorts(cluster, settings).map((port) =>
    expectServicePort(port, endpointsFor(cluster, port, settings), settings, { totalEndpoints }),
  );
  return assemble(expectNode(settings), ports, settings.family);
}
