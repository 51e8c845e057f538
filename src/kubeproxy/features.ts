import type { ProxySettings, ProxyVersion } from './expectation.ts';
import { ask, between, rangeOf, since, sinceWithBackports, type Answer } from './version.ts';

/** Minor versions of which it is not known whether they take a source range of /0 for none. */
export const ZERO_RANGE = { first: 34, last: 36 } as const;

/**
 * In what kube-proxy versions of one era differ: one line each, with where it comes from (a pull request or issue of
 * kubernetes/kubernetes, or a KEP). What differs between eras is in the `era-*.ts` files.
 *
 * The state of a feature gate is its default: gates set by hand are not modelled.
 */
const FEATURES = {
  // Which Services and endpoints count.
  /** An unnamed port is `ns/svc` in hashes and comments, no longer `ns/svc:` (341022f8). */
  unnamedWithoutColon: since(19),
  /** `internalTrafficPolicy` is read (KEP-2086, beta). */
  internalTrafficPolicy: since(22),
  /** Serving and terminating endpoints are used when no ready one is left (KEP-1669, beta). */
  terminatingFallback: since(26),
  /** Zone hints are read (KEP-2433; beta since 1.23 but off until 1.24). */
  zoneHints: since(24),
  /** `service.kubernetes.io/topology-mode` is read beside the older annotation (KEP-2433). */
  topologyModeAnnotation: since(27),
  /** Zone hints count without any annotation (KEP-4444, ServiceTrafficDistribution on). */
  hintsNeedNoAnnotation: since(31),
  /** Node hints are read (KEP-3015, PreferSameTrafficDistribution on). */
  nodeHints: since(34),
  /** `externalTrafficPolicy: Local` counts on a ClusterIP Service with externalIPs (#119150). */
  localPolicyOnClusterIP: since(29),
  /** `ipMode: Proxy` takes an address out of the rules (KEP-1860, beta). */
  ipModeProxy: since(30),
  /** Of equal endpoints in several slices the non-terminating one wins (#135593). */
  duplicatesPreferRunning: since(36),
  /** Node port rules are written only if a node address is in nodePortAddresses (#108250 to #111806). */
  nodePortsNeedAddress: between(25, 26),
  /** Without such an address all that comes after the node port step is skipped (fixed in 1.23). */
  skipsAfterNodePorts: (version: ProxyVersion): boolean => !since(23)(version),

  // Rules of a Service port.
  /** KUBE-FW ends with a comment that names KUBE-PROXY-FIREWALL (#114470). */
  firewallEndComment: since(27),
  /** nfacct counters in KUBE-FORWARD and KUBE-NODEPORTS (#122812, #125015). */
  nfacct: since(31),
  /** `externalTrafficPolicy: Local` counts for external IPs (#90537). */
  localPolicyOnExternalIPs: since(19),
  /** Load-balancer addresses without endpoints are rejected in KUBE-EXTERNAL-SERVICES (#95252). */
  loadBalancerRejectIsExternal: since(20),
  /** KUBE-XLB has its two LOCAL rules (#77523). */
  xlbLocalRules: sinceWithBackports(15, { 14: 3 }),
  /** Balancing rules of KUBE-XLB carry the port's name only (#106030). */
  plainXlbComment: since(23),
  /** Comments of SVC and SEP rules reach the kernel (lost by a defect before). */
  endpointComments: since(18),
  /** Probabilities have ten decimals, not five (#83599). */
  tenDecimals: sinceWithBackports(17, { 14: 8, 15: 5, 16: 2 }),

  // Rules of the node.
  /** Last rule of KUBE-SERVICES leaves loopback out for IPv6, and for IPv4 without localhostNodePorts (#108250). */
  loopbackExcluded: since(26),
  /** kube-proxy writes KUBE-FIREWALL and its jumps (#114470). */
  ownsFirewallChain: since(27),
  /** The INVALID rule is left out when conntrack is liberal (#120412). */
  liberalConntrack: since(29),
  /** KUBE-POSTROUTING returns early and clears the mark (#92035). */
  clearsMark: sinceWithBackports(19, { 16: 13, 17: 9, 18: 6 }),
  /** MASQUERADE --random-fully, with iptables 1.6.2 or later. */
  randomFully: since(16),
  /** KUBE-FORWARD drops INVALID (#74840). */
  invalidDrop: sinceWithBackports(15, { 14: 2 }),
  /** The two conntrack rules of KUBE-FORWARD have no cluster CIDR and are always there (#82462). */
  conntrackWithoutCidr: since(18),
  /** One conntrack rule instead of two. */
  oneConntrackRule: since(23),
  /** KUBE-PROXY-FIREWALL exists (#110289). */
  dropsInFilter: since(25),
  /** KUBE-NODEPORTS of the filter table exists (#97824). */
  acceptsHealthChecks: since(21),
  /** FORWARD leads to KUBE-EXTERNAL-SERVICES (#95252). */
  forwardToExternal: since(20),
  /** FORWARD leads to KUBE-SERVICES (#72534). */
  forwardToServices: since(13),
  /** INPUT leads to KUBE-SERVICES (#74394, until #95252). */
  inputToServices: between(14, 19),
  /**
   * A source range of /0 means no restriction at all: seen in 1.37.2, not in 1.33.13. Which version in between began
   * with it is not known; `candidates.ts` lets those have it either way.
   */
  zeroRangeIsNone: since(ZERO_RANGE.first),
  /** The node's own address of either family is known without bindAddress (#119525). */
  nodeAddressOfBothFamilies: since(29),
} as const satisfies Readonly<Record<string, (version: ProxyVersion) => Answer>>;

export type FeatureName = keyof typeof FEATURES;

/** The answer for one kube-proxy; null where its possible versions differ. */
export type Features = (name: FeatureName) => Answer;

type VersionFacts = Pick<ProxySettings, 'era' | 'version' | 'versionRange'>;

const known = new WeakMap<VersionFacts, Features>();

/** Asked once for each feature and settings, however many Service ports need the answer. */
export function featuresOf(settings: VersionFacts): Features {
  const found = known.get(settings);
  if (found !== undefined) return found;
  const range = rangeOf(settings);
  const answers = new Map<FeatureName, Answer>();
  const features: Features = (name) => {
    const answer = answers.get(name);
    if (answer !== undefined) return answer;
    const asked = ask(range, FEATURES[name]);
    answers.set(name, asked);
    return asked;
  };
  known.set(settings, features);
  return features;
}
