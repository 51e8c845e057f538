import { cidrContains, familyOf, parseCidr, parseIp, type Family, type Ip } from '../model/address.ts';
import type { NodeFacts } from '../model/service.ts';
import type { NodePortAddresses, Setting } from './expectation.ts';
import type { ProxyConfig } from './proxy-config.ts';
import type { RuleFacts } from './rule-facts.ts';

/** Which addresses of a node serve node ports, and whether localhost does. */

const ALL: NodePortAddresses = { mode: 'all' };

/**
 * Effective value of one family: an empty list, a list without an entry of the family and a /0 all mean every address
 * (`primary` since 1.31, #123105). Which interface addresses are in a range is known only as far as the Node object
 * lists them, so of the others nothing is demanded.
 */
export function configuredNodePorts(
  config: ProxyConfig,
  family: Family,
  node: NodeFacts | undefined,
): Setting<NodePortAddresses | null> {
  const setting = (value: NodePortAddresses | null): Setting<NodePortAddresses | null> => ({
    value,
    origin: 'configured',
    from: config.from,
  });
  const primary = config.nodePortAddresses.includes('primary');
  const ranges = config.nodePortAddresses.flatMap((text) => parseCidr(text) ?? []);
  const own = ranges.filter((range) => familyOf(range.base) === family);
  if ((!primary && own.length === 0) || own.some((range) => range.prefix === 0)) return setting(ALL);
  if (node === undefined) return setting(null);
  const addresses = node.addresses.filter((ip) => familyOf(ip) === family);
  if (primary) return setting({ mode: 'restricted', addresses: addresses.slice(0, 1) });
  const loopback = loopbackOf(family).filter(() => family === 'IPv4' && config.localhostNodePorts);
  const chosen = [...addresses, ...loopback].filter((ip) => own.some((range) => cidrContains(range, ip)));
  return setting({ mode: 'restricted', addresses: [...new Set(chosen)] });
}

function loopbackOf(family: Family): readonly Ip[] {
  const ip = parseIp(family === 'IPv4' ? '127.0.0.1' : '::1');
  return ip === null ? [] : [ip];
}

/** The node in question, and all that have rules of the family. */
export interface NodePortEvidence {
  readonly node: string;
  readonly facts: ReadonlyMap<string, RuleFacts>;
  /** The Node's InternalIP of the family; null without one. */
  readonly internalIP: (node: string) => Ip | null;
}

/**
 * From the last rules of KUBE-SERVICES. Where a node has none, the others tell: every address, if they have that rule;
 * its InternalIP, if each of them has a rule for its own. Else it may have no address in the ranges, and nothing is known.
 * Without any such rule on any node the default stands: a kube-proxy that may use none of a node's addresses is an
 * error of its own, which it logs.
 */
export function inferNodePorts(evidence: NodePortEvidence): Setting<NodePortAddresses | null> {
  const { node, facts } = evidence;
  const own = facts.get(node);
  const all = [...facts.values()];
  if (own !== undefined && isOpen(own)) return { value: ALL, origin: 'inferred', from: 'last rule of KUBE-SERVICES' };
  const open = all.filter(isOpen).length;
  const single = all.filter((facts) => facts.nodePortAddresses.length > 0).length;
  const internal = alikeInternal(evidence);
  if (internal !== null) {
    const value: NodePortAddresses = { mode: 'restricted', addresses: [internal] };
    return { value, origin: 'inferred', from: 'last rules of KUBE-SERVICES on other nodes' };
  }
  if (own !== undefined && own.nodePortAddresses.length > 0) {
    const addresses = [...new Set(own.nodePortAddresses)].toSorted();
    return { value: { mode: 'restricted', addresses }, origin: 'inferred', from: 'last rules of KUBE-SERVICES' };
  }
  if (open > single)
    return { value: ALL, origin: 'inferred', from: `last rule of KUBE-SERVICES on ${open} other nodes` };
  if (single > 0) return { value: null, origin: 'inferred', from: 'other nodes serve single addresses' };
  return { value: ALL, origin: 'assumed', from: 'default of kube-proxy' };
}

/** The node's InternalIP, if every other node that serves single addresses serves its own InternalIP alone. */
function alikeInternal({ node, facts, internalIP }: NodePortEvidence): Ip | null {
  const others = [...facts].filter(([name, each]) => name !== node && each.nodePortAddresses.length > 0);
  const alike = others.every(([name, { nodePortAddresses: ips }]) => ips.length === 1 && ips[0] === internalIP(name));
  return others.length > 0 && alike ? internalIP(node) : null;
}

function isOpen(facts: RuleFacts): boolean {
  return facts.openNodePorts + facts.closedNodePorts > 0;
}

export function configuredLocalhost(config: ProxyConfig): Setting<boolean | null> {
  return { value: config.localhostNodePorts, origin: 'configured', from: config.from };
}

/** One answer for the cluster; IPv6 never serves localhost. `facts`: of IPv4, of all nodes. */
export function inferLocalhost(family: Family, facts: readonly RuleFacts[]): Setting<boolean | null> {
  if (family === 'IPv6') return { value: false, origin: 'assumed', from: 'IPv6 never serves node ports on localhost' };
  let on = 0;
  let off = 0;
  for (const node of facts) {
    on += node.openNodePorts + node.localhostSigns;
    on += node.nodePortAddresses.filter((ip) => ip.startsWith('127.')).length;
    off += node.closedNodePorts;
  }
  if (on === off) return { value: null, origin: 'assumed', from: 'no rule that would tell' };
  return { value: on > off, origin: 'inferred', from: `${Math.max(on, off)} rules of the nodes` };
}
