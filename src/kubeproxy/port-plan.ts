import { cidrContains, type Cidr, type LowerProtocol } from '../model/address.ts';
import type { Endpoint, ServicePort } from '../model/service.ts';
import type { ChainName, Match } from '../netfilter/rules.ts';
import type { ExpectedChain, ExpectedRule, ProxySettings, UsableEndpoints } from './expectation.ts';
import { endpointText } from './endpoints.ts';
import { nameFor } from './expect-names.ts';
import { featuresOf, type Features } from './features.ts';
import { toPort, withProtocol } from './made-rule.ts';
import { lowerProtocol, portChains, sepChain, type PortChains } from './names.ts';
import { trafficPolicies, type TrafficPolicies } from './traffic-policy.ts';
import type { Answer } from './version.ts';

/** All that the rules of one Service port on one node are made from; the eras differ in what they make of it. */
export interface PortPlan {
  readonly port: ServicePort;
  readonly settings: ProxySettings;
  readonly features: Features;
  readonly policies: TrafficPolicies;
  readonly endpoints: UsableEndpoints;
  /** kube-proxy's name of the port, as comments have it. */
  readonly name: string;
  readonly protocol: LowerProtocol;
  readonly chains: PortChains;
  /** The reachable endpoints. */
  readonly seps: ReadonlyMap<Endpoint, Sep>;
  /** Restrictions of load-balancer traffic; empty: none is in force. */
  readonly sourceRanges: readonly Cidr[];
  /** Whether the node itself is let through by the source ranges; null: its address is not known well enough. */
  readonly nodeInRanges: Answer;
  /** Comments of SVC, SVL and SEP rules are written: not in a large cluster. */
  readonly endpointComments: boolean;
  readonly onProtocol: Match;
  readonly onPort: Match;
}

/** The chain of one endpoint. */
export interface Sep {
  /** `ip:port`. */
  readonly text: string;
  readonly chain: ChainName;
}

/** What one generation of kube-proxy makes of a plan. */
export interface Era {
  readonly entries: (plan: PortPlan) => readonly ExpectedRule[];
  /** Without SEP chains. */
  readonly chains: (plan: PortPlan) => readonly ExpectedChain[];
}

/** More endpoints than this, and kube-proxy leaves comments out (largeClusterEndpointsThreshold). */
const LARGE_CLUSTER = 1000;

export function planPort(
  port: ServicePort,
  endpoints: UsableEndpoints,
  settings: ProxySettings,
  totalEndpoints: number | null,
): PortPlan {
  const features = featuresOf(settings);
  const policies = trafficPolicies(port, settings);
  const name = nameFor(port, settings);
  const protocol = lowerProtocol(port.protocol);
  const isOpen = port.sourceRanges.some((range) => range.prefix === 0) && features('zeroRangeIsNone') !== false;
  const sourceRanges = isOpen ? [] : port.sourceRanges;
  return {
    port,
    settings,
    features,
    policies,
    endpoints,
    name,
    protocol,
    chains: portChains(name, port.protocol),
    seps: sepsOf(endpoints.reachable, name, port),
    sourceRanges,
    nodeInRanges: sourceRanges.length === 0 ? false : holdsNode(sourceRanges, settings),
    endpointComments: features('endpointComments') !== false && (totalEndpoints ?? 0) <= LARGE_CLUSTER,
    onProtocol: withProtocol(protocol),
    onPort: toPort(protocol, port.port),
  };
}

function sepsOf(reachable: readonly Endpoint[], name: string, port: ServicePort): ReadonlyMap<Endpoint, Sep> {
  const seps = new Map<Endpoint, Sep>();
  for (const endpoint of reachable) {
    const text = endpointText(endpoint);
    seps.set(endpoint, { text, chain: sepChain(name, port.protocol, text) });
  }
  return seps;
}

/** Any of the addresses may be the one kube-proxy takes for the node's. */
function holdsNode(ranges: readonly Cidr[], settings: ProxySettings): Answer {
  const inside = settings.nodeIPs.filter((ip) => ranges.some((range) => cidrContains(range, ip)));
  if (settings.nodeIPs.length === 0) return ranges.some((range) => range.prefix === 0) ? true : null;
  if (inside.length === 0) return false;
  return inside.length === settings.nodeIPs.length ? true : null;
}
