import type { Rule, Ruleset, Table } from '../netfilter/rules.ts';

/** How Services are handled on a node, as far as its rules and the configuration tell. */
export interface NodeMode {
  /** `none`: everything points at no kube-proxy at all. */
  readonly mode: 'iptables' | 'ipvs' | 'nftables' | 'none' | 'unknown';
  /** What it was told from, in words for the report. */
  readonly from: string;
}

/** What one node's rules show. */
export type RuleMode = 'iptables' | 'ipvs' | 'nothing';

export function ruleModeOf(rulesets: readonly Ruleset[]): RuleMode {
  const tables = rulesets.flatMap((ruleset) => ruleset.tables.get('nat') ?? []);
  if (tables.some(isIpvs)) return 'ipvs';
  const filters = rulesets.flatMap((ruleset) => ruleset.tables.get('filter') ?? []);
  const written = [...tables, ...filters].some(
    (table) => table.chains.has('KUBE-SERVICES') || table.chains.has('KUBE-PROXY-CANARY'),
  );
  return written ? 'iptables' : 'nothing';
}

/**
 * In ipvs mode KUBE-SERVICES matches ipsets. The chains of that mode may stay after a change of mode; then nothing of
 * KUBE-SERVICES matches a set any more.
 */
function isIpvs(nat: Table): boolean {
  const rules: readonly Rule[] = nat.chains.get('KUBE-SERVICES')?.rules ?? [];
  return rules.some((rule) => rule.matches.some((match) => match.kind === 'set' && match.name.startsWith('KUBE-')));
}

/** What is known of a node's mode from elsewhere; null: nothing. */
export interface ToldMode {
  readonly mode: string;
  readonly from: string;
}

/**
 * `running`: kube-proxy's own answer. `configured`: its configuration, which it may not have read yet. `others`: some
 * node of the cluster has rules of iptables mode.
 */
export function decideMode(
  rules: RuleMode,
  running: ToldMode | null,
  configured: ToldMode | null,
  others: boolean,
): NodeMode {
  const told = running ?? (rules === 'nothing' ? configured : null);
  if (told !== null) return { mode: modeNamed(told.mode), from: told.from };
  if (rules !== 'nothing') return { mode: rules, from: `rules of ${rules} mode on the node` };
  if (others) return { mode: 'iptables', from: 'rules of iptables mode on other nodes' };
  return { mode: 'none', from: 'no rule of kube-proxy on any node' };
}

/** An empty mode is iptables on Linux. */
function modeNamed(mode: string): NodeMode['mode'] {
  switch (mode) {
    case '':
    case 'iptables':
      return 'iptables';
    case 'ipvs':
    case 'nftables':
      return mode;
    default:
      return 'unknown';
  }
}
