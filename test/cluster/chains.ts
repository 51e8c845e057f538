/** Finds kube-proxy's chains of the Service `hostnames` among a node's rules, by what the rules do. */
import type { NodeRules, Rule } from './rules.ts';
import { HOSTNAMES, HOSTNAMES_PODS } from './topology.ts';
import type { ServicePlan } from './topology.ts';

export function target(rule: Rule): string {
  return rule.spec[rule.spec.indexOf('-j') + 1] ?? '';
}

/** The rule again, leading somewhere else. */
export function leadingTo(rule: Rule, chain: string): string[] {
  return rule.spec.map((word, index) => (rule.spec[index - 1] === '-j' ? chain : word));
}

export function has(rule: Rule, ...words: readonly string[]): boolean {
  return rule.spec.join(' ').includes(words.join(' '));
}

function only(rules: readonly Rule[], what: string): Rule {
  const [rule] = rules;
  if (rule === undefined) throw new Error(`the node has no ${what}; heal it first`);
  return rule;
}

/** The rule for a Service's address in KUBE-SERVICES. */
export async function clusterIpEntry(rules: NodeRules, service: ServicePlan = HOSTNAMES): Promise<Rule> {
  const entries = (await rules.read()).filter(
    (rule) => rule.table === 'nat' && rule.chain === 'KUBE-SERVICES' && has(rule, '-d', `${service.clusterIp}/32`),
  );
  return only(entries, `entry rule for ${service.clusterIp}`);
}

/** The rules of the node port; newer kube-proxies write one more, for those who come to 127.0.0.1. */
export async function nodePortEntries(rules: NodeRules): Promise<Rule[]> {
  return (await rules.read()).filter(
    (rule) =>
      rule.chain === 'KUBE-NODEPORTS' && rule.table === 'nat' && has(rule, '--dport', String(HOSTNAMES.nodePort)),
  );
}

/** The rules in KUBE-SVC that choose an endpoint. */
export async function balancingRules(rules: NodeRules): Promise<Rule[]> {
  const chain = target(await clusterIpEntry(rules));
  return (await rules.read()).filter((rule) => rule.chain === chain && target(rule).startsWith('KUBE-SEP-'));
}

/** The two rules of the KUBE-SEP chain of the endpoint with this place, from 0. */
export async function endpointRules(rules: NodeRules, index: 0 | 1 | 2): Promise<{ mark: Rule; dnat: Rule }> {
  const { ip, port } = HOSTNAMES_PODS[index];
  const all = await rules.read();
  const dnat = only(
    all.filter((rule) => has(rule, '--to-destination', `${ip}:${port}`)),
    `DNAT to ${ip}:${port}`,
  );
  const mark = only(
    all.filter((rule) => rule.chain === dnat.chain && target(rule) === 'KUBE-MARK-MASQ'),
    `mark in ${dnat.chain}`,
  );
  return { mark, dnat };
}

export async function jumps(rules: NodeRules, from: readonly string[], to: string): Promise<Rule[]> {
  return (await rules.read()).filter(
    (rule) => rule.table === 'nat' && from.includes(rule.chain) && target(rule) === to,
  );
}

export async function rulesOf(rules: NodeRules, chain: string): Promise<Rule[]> {
  return (await rules.read()).filter((rule) => rule.table === 'nat' && rule.chain === chain);
}
