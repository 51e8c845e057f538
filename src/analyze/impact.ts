import type { ClientKind, EffectOutcome } from '../model/report.ts';
import type { StoppedFlow } from '../checks/check.ts';
import type { FlowEffect } from './effects.ts';
import type { Flow } from './flows.ts';

/**
 * What users of a Service port experience, in words: computed from the walk, never canned. One sentence for each way in
 * which connections differ, with the addresses and clients it holds for.
 */
export function impactOf(effects: readonly FlowEffect[], nodes: number): string {
  const groups = new Map<string, FlowEffect[]>();
  for (const effect of effects.filter((candidate) => candidate.differs)) {
    const text = describe(effect);
    groups.set(text, [...(groups.get(text) ?? []), effect]);
  }
  if (groups.size === 0) return UNCHANGED;
  return [...groups].map(([text, members]) => `${subject(members, nodes)} ${text}`).join(' ');
}

export const UNCHANGED = 'Nothing changes for new connections: the walk through the rules ends as it should.';

/** The same for connections that a check has found to be stopped. */
export function stoppedImpact(stopped: readonly StoppedFlow[]): string {
  const shares = new Map<string, number>();
  for (const { flow, share } of stopped) shares.set(flow, (shares.get(flow) ?? 0) + share);
  const groups = Map.groupBy([...shares], ([, share]) => fraction(share));
  const parts = [...groups].map(([share, flows]) => `${join(flows.map(([flow]) => flow))}: ${share}`);
  return `New connections that are stopped: ${parts.join('; ')}.`;
}

function subject(effects: readonly FlowEffect[], nodes: number): string {
  const destinations = distinct(effects.map(({ flow }) => destinationName(flow)));
  const clients = distinct(effects.map(({ flow }) => clientName(flow)));
  // All kinds of clients: then who they are says nothing.
  const all = Object.values(CLIENTS).every((kind) => clients.includes(kind));
  const from = all ? '' : ` from ${join(clients)}`;
  return `New connections${from} to ${join(destinations)} ${nodes === 1 ? 'at this node' : 'at each of these nodes'}:`;
}

const CLIENTS: Readonly<Record<ClientKind, string>> = { pod: 'its pods', node: 'the node itself', external: 'outside' };

/** `from outside to node port 30000`. */
export function flowName(flow: Flow): string {
  return `from ${clientName(flow)} to ${destinationName(flow)}`;
}

function clientName(flow: Flow): string {
  return flow.special ?? (flow.hairpin ? 'an endpoint calling itself' : CLIENTS[flow.client]);
}

function destinationName({ kind, destination }: Flow): string {
  switch (kind) {
    case 'vip':
    case 'passing':
      return destination;
    case 'node-port':
      return `node port ${portOf(destination)}`;
    case 'health-check':
      return `health-check node port ${portOf(destination)}`;
  }
}

function portOf(destination: string): string {
  return destination.slice(destination.lastIndexOf(':') + 1);
}

function describe(effect: FlowEffect): string {
  const { actual, wanted } = effect;
  const failing = actual.filter(isFailure);
  const astray = actual.filter((outcome) => outcome.result === 'elsewhere');
  const wantedFailing = total(wanted.filter(isFailure));
  const parts = [
    ...failures(failing, wantedFailing - total(astray)),
    ...astray.map(goesAstray),
    ...shareChanges(actual, wanted, failing),
    ...(effect.flow.hairpin ? [] : sourceChanges(actual, wanted)),
    ...affinityChanges(actual, wanted),
    ...unknowns(actual),
  ];
  const none = failing.length + astray.length === 0 ? ['none fails'] : [];
  return `${[...parts, ...none].join('; ')}.`;
}

function isFailure(outcome: EffectOutcome): boolean {
  return outcome.result === 'no-answer' || outcome.result === 'refused';
}

function failures(failing: readonly EffectOutcome[], wantedFailing: number): readonly string[] {
  if (failing.length === 0 && wantedFailing > NOISE) return ['they succeed, though they should not'];
  const groups = Map.groupBy(failing, (outcome) => `${outcome.result} ${outcome.because ?? ''}`);
  return [...groups.values()].map(failure);
}

/** Failures with the same reason: `two thirds time out, sent to A and B (why)`. */
function failure(outcomes: readonly EffectOutcome[]): string {
  const share = total(outcomes);
  const [first] = outcomes;
  const many = plural(share);
  const verb = first?.result === 'refused' ? `${many ? 'are' : 'is'} refused` : many ? 'time out' : 'times out';
  const endpoints = distinct(outcomes.flatMap((outcome) => outcome.endpoint ?? []));
  const where = endpoints.length === 0 ? '' : `, sent to ${join(endpoints)}`;
  return `${fraction(share)} ${verb}${where}${first?.because === undefined ? '' : ` (${first.because})`}`;
}

function goesAstray(outcome: EffectOutcome): string {
  const verb = plural(outcome.share) ? 'go' : 'goes';
  return `${fraction(outcome.share)} ${verb} to ${outcome.endpoint ?? 'an unknown address'}, ${outcome.because ?? 'which is no endpoint'}: nobody answers there, or somebody else`;
}

/** `a third times out`, but `two thirds time out`, `all time out`, `33 % time out`. */
function plural(share: number): boolean {
  return !fraction(share).startsWith('a ') && fraction(share) !== 'half';
}

function shareChanges(
  actual: readonly EffectOutcome[],
  wanted: readonly EffectOutcome[],
  failing: readonly EffectOutcome[],
): readonly string[] {
  const before = sharesByEndpoint(wanted.filter((outcome) => outcome.result === 'answered'));
  const after = sharesByEndpoint(actual.filter((outcome) => outcome.result === 'answered'));
  if (after.size === 0) return [];
  const sent = sharesByEndpoint(failing);
  const lost = [...before.keys()].filter((endpoint) => (after.get(endpoint) ?? 0) < NOISE && !sent.has(endpoint));
  const changed = [...after].filter(([endpoint, share]) => Math.abs(share - (before.get(endpoint) ?? 0)) > NOISE);
  return [
    ...(lost.length > 0 ? [`${join(lost)} ${lost.length === 1 ? 'is' : 'are'} never reached`] : []),
    ...changed.map(([endpoint, share]) => gets(endpoint, share, before.get(endpoint) ?? 0)),
  ];
}

function gets(endpoint: string, after: number, before: number): string {
  const instead = before < NOISE ? 'instead of none' : `instead of ${fraction(before)}`;
  return `${endpoint} gets ${fraction(after)} ${instead}`;
}

function sourceChanges(actual: readonly EffectOutcome[], wanted: readonly EffectOutcome[]): readonly string[] {
  const after = maskedShare(actual);
  const before = maskedShare(wanted);
  if (after === null || before === null || Math.abs(after - before) < NOISE) return [];
  return [
    after < before
      ? "endpoints that answer see the client's own address, not the node's"
      : "endpoints see the node's address, not the client's",
  ];
}

/** Of the connections that are answered, how many are masqueraded; null when none is answered. */
function maskedShare(outcomes: readonly EffectOutcome[]): number | null {
  const answered = outcomes.filter((outcome) => outcome.result === 'answered');
  const all = total(answered);
  return all < NOISE ? null : total(answered.filter((outcome) => outcome.masqueraded)) / all;
}

function affinityChanges(actual: readonly EffectOutcome[], wanted: readonly EffectOutcome[]): readonly string[] {
  const listsOf = (outcomes: readonly EffectOutcome[]): string =>
    distinct(outcomes.flatMap((outcome) => outcome.remembered ?? []))
      .toSorted()
      .join();
  return listsOf(actual) === listsOf(wanted) ? [] : ['session affinity does not remember who served the client'];
}

function unknowns(actual: readonly EffectOutcome[]): readonly string[] {
  const unknown = actual.filter((outcome) => outcome.result === 'undetermined');
  return unknown.length === 0
    ? []
    : [
        `what happens to ${fraction(total(unknown))} is not known: ${join(distinct(unknown.map((outcome) => outcome.because ?? 'a rule is not understood')))}`,
      ];
}

function sharesByEndpoint(outcomes: readonly EffectOutcome[]): ReadonlyMap<string, number> {
  const shares = new Map<string, number>();
  for (const { endpoint, share } of outcomes) {
    if (endpoint !== undefined) shares.set(endpoint, (shares.get(endpoint) ?? 0) + share);
  }
  return shares;
}

function total(outcomes: readonly EffectOutcome[]): number {
  return outcomes.reduce((sum, outcome) => sum + outcome.share, 0);
}

const NOISE = 1e-3;

const FRACTIONS: readonly (readonly [number, string])[] = [
  [1, 'all'],
  [1 / 2, 'half'],
  [1 / 3, 'a third'],
  [2 / 3, 'two thirds'],
  [1 / 4, 'a quarter'],
  [3 / 4, 'three quarters'],
  [1 / 5, 'a fifth'],
  [1 / 6, 'a sixth'],
];

/** A share in words where there are some, else in percent. */
export function fraction(share: number): string {
  const known = FRACTIONS.find(([value]) => Math.abs(value - share) < NOISE);
  return known === undefined ? `${Math.round(share * 1000) / 10} %` : known[1];
}

/** `a`, `a and b`, `a, b and c`. */
export function join(words: readonly string[]): string {
  return words.length < 2 ? words.join('') : `${words.slice(0, -1).join(', ')} and ${words.at(-1)}`;
}

function distinct(words: readonly string[]): readonly string[] {
  return [...new Set(words)];
}
