import type { Endpoint } from '../model/service.ts';
import type { Family } from '../model/address.ts';
import type { ChainName, Match, Target } from '../netfilter/rules.ts';
import type { ExpectedChain, ExpectedRule } from './expectation.ts';
import { fromHost, jumpTo, makeRule, required, TO_MARK_MASQ } from './made-rule.ts';
import type { PortPlan, Sep } from './port-plan.ts';

/** Spreading over endpoints: session affinity, the balancing list, and the chains of the endpoints. */

/** Comment of the rules for one endpoint; null where kube-proxy writes none. */
export type EndpointComment = (sep: Sep, index: number) => string | null;

/** Since 1.24: `X -> ip:port`, left out in a large cluster. */
export function arrowComment(plan: PortPlan): EndpointComment {
  return plan.endpointComments ? (sep) => `${plan.name} -> ${sep.text}` : () => null;
}

/** Up to 1.23: `X`, left out in a large cluster, and lost altogether up to 1.17. */
export function nameComment(plan: PortPlan): EndpointComment {
  return plan.endpointComments ? () => plan.name : () => null;
}

/** The rules that choose an endpoint: first those that remember a client, for all endpoints, then the lottery. */
export function balancingRules(
  plan: PortPlan,
  chain: ChainName,
  endpoints: readonly Endpoint[],
  comments: { readonly affinity: EndpointComment; readonly balance: EndpointComment },
): readonly ExpectedRule[] {
  const rules: ExpectedRule[] = [];
  const seconds = plan.port.service.affinitySeconds;
  const members = endpoints.flatMap((endpoint) => {
    const sep = plan.seps.get(endpoint);
    return sep === undefined ? [] : [{ endpoint, sep, target: jumpTo(sep.chain) }];
  });
  if (seconds !== null) {
    members.forEach(({ endpoint, sep, target }, index) => {
      const matches = [rememberedBy(sep, seconds, plan.port.family)];
      const rule = makeRule(chain, matches, comments.affinity(sep, index), target);
      rules.push(required('affinity', 'nat', rule, null, endpoint));
    });
  }
  members.forEach(({ endpoint, sep, target }, index) => {
    const matches = chanceOf(members.length - index, plan.features('tenDecimals') === false);
    const rule = makeRule(chain, matches, comments.balance(sep, index), target);
    rules.push(required('balance', 'nat', rule, null, endpoint));
  });
  return rules;
}

const RECENT_MASKS: Readonly<Record<Family, string>> = {
  IPv4: '255.255.255.255',
  IPv6: 'ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff',
};

function recent(sep: Sep, family: Family, action: 'set' | 'rcheck', seconds: number | null): Match {
  return {
    kind: 'recent',
    negated: false,
    action,
    seconds,
    hitcount: null,
    reap: action === 'rcheck',
    name: sep.chain,
    mask: RECENT_MASKS[family],
    side: 'rsource',
    ttl: false,
  };
}

function rememberedBy(sep: Sep, seconds: number, family: Family): Match {
  return recent(sep, family, 'rcheck', seconds);
}

const CERTAIN: readonly Match[] = [];
const chances: readonly [Map<number, readonly Match[]>, Map<number, readonly Match[]>] = [new Map(), new Map()];

/** One in `count`, in the digits iptables-save prints; the last endpoint of a list is not left to chance. */
function chanceOf(count: number, fiveDecimals: boolean): readonly Match[] {
  if (count <= 1) return CERTAIN;
  const known = chances[fiveDecimals ? 1 : 0];
  const found = known.get(count);
  if (found !== undefined) return found;
  const probability = savedProbability(count, fiveDecimals ? 5 : 10);
  const matches: readonly Match[] = [{ kind: 'statistic-random', negated: false, probability }];
  known.set(count, matches);
  return matches;
}

/** kube-proxy writes 1/n with so many decimals, the kernel keeps a multiple of 2^-31, iptables-save prints eleven. */
export function savedProbability(count: number, decimals: 5 | 10): string {
  const written = Number((1 / count).toFixed(decimals));
  return (Math.round(written * 2 ** 31) / 2 ** 31).toFixed(11);
}

/** A chain for each reachable endpoint: mark what comes from the endpoint itself, then translate. */
export function sepChains(plan: PortPlan): readonly ExpectedChain[] {
  const comment = plan.endpointComments ? plan.name : null;
  return plan.endpoints.reachable.flatMap((endpoint) => {
    const sep = plan.seps.get(endpoint);
    return sep === undefined ? [] : [sepChain(plan, endpoint, sep, comment)];
  });
}

const modules = new Map<string, Match>();

function moduleOf(protocol: string): Match {
  const known = modules.get(protocol);
  if (known !== undefined) return known;
  const match: Match = { kind: 'protocol-module', module: protocol };
  modules.set(protocol, match);
  return match;
}

const NO_FLAGS: readonly string[] = [];

function sepChain(plan: PortPlan, endpoint: Endpoint, sep: Sep, comment: string | null): ExpectedChain {
  const { affinitySeconds } = plan.port.service;
  const matches: readonly Match[] =
    affinitySeconds === null
      ? [plan.onProtocol, moduleOf(plan.protocol)]
      : [plan.onProtocol, recent(sep, plan.port.family, 'set', null), moduleOf(plan.protocol)];
  const dnat: Target = { kind: 'dnat', to: sep.text, flags: NO_FLAGS };
  const hairpin = makeRule(sep.chain, [fromHost(endpoint.ip)], comment, TO_MARK_MASQ);
  return {
    table: 'nat',
    name: sep.chain,
    role: 'sep',
    rules: [
      required('hairpin-mark', 'nat', hairpin, null, endpoint),
      required('dnat', 'nat', makeRule(sep.chain, matches, comment, dnat), null, endpoint),
    ],
    endpoint,
  };
}
