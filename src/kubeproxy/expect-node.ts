import type { Match, Rule } from '../netfilter/rules.ts';
import type { ExpectedNode, ExpectedRule, ProxySettings } from './expectation.ts';
import { fixedChains } from './expect-fixed.ts';
import { expectJumps } from './expect-jumps.ts';
import { featuresOf } from './features.ts';
import { accepted, inForms, jumpTo, LOOPBACK, makeRule, required, TO_LOCAL, toHost } from './made-rule.ts';

/** What a node's kube-proxy should have written in this family whatever Services there are. */
export function expectNode(settings: ProxySettings): ExpectedNode {
  return {
    jumps: expectJumps(settings),
    chains: fixedChains(settings),
    nodePortsJumps: nodePortsJumps(settings),
  };
}

const LAST_RULE = 'kubernetes service nodeports; NOTE: this must be the last rule in this chain';

function nodePortsJump(matches: readonly Match[]): Rule {
  return makeRule('KUBE-SERVICES', matches, LAST_RULE, jumpTo('KUBE-NODEPORTS'));
}

/**
 * How packets to the node's own addresses reach KUBE-NODEPORTS: one rule for all of them, or one for each address in
 * nodePortAddresses, and then none at all when the node has no such address.
 */
function nodePortsJumps(settings: ProxySettings): readonly ExpectedRule[] {
  const addresses = settings.nodePortAddresses.value;
  if (addresses !== null && addresses.mode === 'restricted') {
    return addresses.addresses.map((ip) => required('node-ports-jump', 'nat', nodePortsJump([toHost(ip)]), ip));
  }
  const rule = jumpToAll(settings);
  return [addresses === null ? accepted(rule) : rule];
}

/** Loopback is left out since 1.26 (#108250): always for IPv6, for IPv4 when localhost node ports are off. */
function jumpToAll(settings: ProxySettings): ExpectedRule {
  const loopback: Match = { kind: 'destination', negated: true, cidr: LOOPBACK[settings.family] };
  const open = nodePortsJump([TO_LOCAL]);
  const closed = nodePortsJump([loopback, TO_LOCAL]);
  const excludes = featuresOf(settings)('loopbackExcluded');
  const localhost = settings.family === 'IPv6' ? false : settings.localhostNodePorts.value;
  if (excludes === false || localhost === true) return required('node-ports-jump', 'nat', open);
  if (excludes === true && localhost === false) return required('node-ports-jump', 'nat', closed);
  const [shown, other] = settings.family === 'IPv6' ? [closed, open] : [open, closed];
  return inForms(required('node-ports-jump', 'nat', shown), [other]);
}
