import type { Chain, Ruleset, Table } from './rules.ts';
import { runChain } from './walk-chain.ts';
import type { Hook, HookName, Run } from './walk-run.ts';
import { underAssumption } from './walk-run.ts';
import type { Gathering, PacketState, Traveller } from './walk-state.ts';
import { gather, gathered } from './walk-state.ts';

/**
 * Tables of a hook in the order of their priorities (netfilter_ipv4.h): raw -300, [connection tracking -200],
 * mangle -150, nat for destinations -100, filter 0, security 50, nat for sources 100.
 */
const TABLES: Readonly<Record<HookName, readonly string[]>> = {
  PREROUTING: ['raw', 'mangle', 'nat'],
  INPUT: ['mangle', 'filter', 'security', 'nat'],
  FORWARD: ['mangle', 'filter', 'security'],
  OUTPUT: ['raw', 'mangle', 'nat', 'filter', 'security'],
  POSTROUTING: ['mangle', 'nat'],
};

/** Takes packets through all tables of a hook. Returns those that pass. */
export function runHook(
  run: Run,
  rulesets: readonly Ruleset[],
  hook: Hook,
  arrivals: readonly Traveller[],
  tables: 'nat' | 'all',
): readonly Traveller[] {
  let travellers = gathered(arrivals);
  for (const name of TABLES[hook.name]) {
    if (travellers.length === 0) return travellers;
    if (name === 'nat' || tables === 'all') travellers = runTable(run, rulesets, hook, name, travellers);
  }
  return travellers;
}

/** One back end's chain of a table at a hook. */
interface BaseChain {
  readonly source: string;
  readonly table: Table;
  readonly chain: Chain;
}

function runTable(
  run: Run,
  rulesets: readonly Ruleset[],
  hook: Hook,
  name: string,
  travellers: readonly Traveller[],
): readonly Traveller[] {
  const bases = rulesets.flatMap((ruleset) => baseChain(ruleset, name, hook.name));
  const [first, second] = bases;
  if (bases.length !== 2 || first === undefined || second === undefined) return inTurn(run, bases, hook, travellers);
  return inEitherOrder(run, [first, second], hook, travellers);
}

/** The chain, when it can do anything to a packet. */
function baseChain({ source, tables }: Ruleset, name: string, hook: HookName): readonly BaseChain[] {
  const table = tables.get(name);
  const chain = table?.chains.get(hook);
  if (table === undefined || chain === undefined) return [];
  return chain.rules.length > 0 || policyOf(chain) !== 'ACCEPT' ? [{ source, table, chain }] : [];
}

function policyOf(chain: Chain): string {
  return chain.policy ?? 'ACCEPT';
}

/**
 * Two back ends at one hook: the one that was loaded last is asked first (nf_hook_entries_grow), and a save does not
 * say which that is. Where both orders lead to the same end the question disappears by itself.
 */
function inEitherOrder(
  run: Run,
  [first, second]: readonly [BaseChain, BaseChain],
  hook: Hook,
  travellers: readonly Traveller[],
): readonly Traveller[] {
  const place = `${first.table.name} ${hook.name}`;
  const question = `${first.source} before ${second.source} in ${place}`;
  const because = `which of ${first.source} and ${second.source} the kernel asks first in ${place} is not known`;
  const assumed = (answer: boolean): readonly Traveller[] =>
    travellers.flatMap((traveller) => underAssumption(traveller, question, answer, because) ?? []);
  return gathered([
    ...inTurn(run, [first, second], hook, assumed(true)),
    ...inTurn(run, [second, first], hook, assumed(false)),
  ]);
}

function inTurn(
  run: Run,
  bases: readonly BaseChain[],
  hook: Hook,
  arrivals: readonly Traveller[],
): readonly Traveller[] {
  let travellers = arrivals;
  for (const base of bases) {
    const meets = (traveller: Traveller): boolean => base.table.name !== 'nat' || meetsNat(hook, traveller.state);
    const passed = runBaseChain(run, base, hook, travellers.filter(meets));
    travellers = gathered([...travellers.filter((traveller) => !meets(traveller)), ...passed]);
  }
  return travellers;
}

/**
 * nf_nat_inet_fn: a packet without a connection is not translated; once one back end has rewritten the destination (or
 * the source) the next is not asked; and a packet that comes back through `lo` was asked on its way out.
 */
function meetsNat(hook: Hook, state: PacketState): boolean {
  if (state.untracked || hook.loopback) return false;
  const rewritesDestination = hook.name === 'PREROUTING' || hook.name === 'OUTPUT';
  return rewritesDestination ? !state.translated : state.sourceRewrite === null;
}

function runBaseChain(
  run: Run,
  { source, table, chain }: BaseChain,
  hook: Hook,
  travellers: readonly Traveller[],
): readonly Traveller[] {
  const accepted: Gathering = new Map();
  const returned = runChain({ run, hook, source, table, accepted, views: new Map() }, chain, [chain.name], travellers);
  const policy = policyOf(chain);
  for (const traveller of returned) {
    if (policy === 'ACCEPT') gather(accepted, traveller);
    else {
      const because = `policy of chain ${chain.name} in table ${table.name} is ${policy}`;
      run.endings.push({ disposition: 'dropped', traveller, decidedBy: null, because });
    }
  }
  return [...accepted.values()];
}
