import { parseIp } from '../model/address.ts';
import type { Target } from './rules.ts';
import { connmarkCopied, markSet } from './walk-mark.ts';
import type { Rewrite } from './walk-nat.ts';
import { rewriteDestination, rewriteSource, rewriteToSelf } from './walk-nat.ts';
import type { FinalDisposition, Hook, TableVisit } from './walk-run.ts';
import { trackingAt } from './walk-run.ts';
import type { PacketState, Traveller } from './walk-state.ts';
import { gather } from './walk-state.ts';

/** Where a target leaves the packets it does not keep: at the next rule, or out of the chain. */
export interface Onward {
  readonly onward: readonly Traveller[];
  readonly returned: readonly Traveller[];
}

const NOBODY: Onward = { onward: [], returned: [] };

/** Targets that do not lead into another chain. */
export type OwnTarget = Exclude<Target, { kind: 'jump' | 'goto' }>;

/** What a target does with packets that match its rule. */
export function takeTarget(visit: TableVisit, target: OwnTarget, travellers: readonly Traveller[]): Onward {
  switch (target.kind) {
    case 'none':
    case 'continue':
      return goOn(travellers);
    case 'return':
      return { onward: [], returned: travellers };
    case 'accept':
      for (const traveller of travellers) gather(visit.accepted, traveller);
      return NOBODY;
    case 'drop':
      return end(visit, travellers, 'dropped', null);
    case 'reject':
      return end(visit, travellers, 'rejected', null);
    case 'mark':
      return changed(travellers, (state) => ({ ...state, mark: markSet(state.mark, target) }));
    case 'connmark-set':
      return changed(travellers, (state) => withConnmark(visit, state, markSet(state.connmark, target)));
    case 'connmark':
      return copyMark(visit, target, travellers);
    case 'dnat':
    case 'snat':
    case 'masquerade':
      return translate(visit, target, travellers);
    case 'opaque':
      return takeOpaque(visit, target, travellers);
    case 'unrecognised':
      return end(visit, travellers, 'undetermined', `the target "${target.text}" was not understood`);
  }
}

/** Ends packets at the rule they met last. */
export function end(
  { run }: TableVisit,
  travellers: readonly Traveller[],
  disposition: FinalDisposition,
  because: string | null,
): Onward {
  for (const traveller of travellers)
    run.endings.push({ disposition, traveller, because, decidedBy: traveller.path?.step ?? null });
  return NOBODY;
}

function goOn(travellers: readonly Traveller[]): Onward {
  return { onward: travellers, returned: [] };
}

function changed(travellers: readonly Traveller[], change: (state: PacketState) => PacketState): Onward {
  return { onward: travellers.map((traveller) => ({ ...traveller, state: change(traveller.state) })), returned: [] };
}

/** The mark of a connection needs a connection: before tracking and for untracked packets the target does nothing. */
function withConnmark({ hook, table }: TableVisit, state: PacketState, connmark: number): PacketState {
  return trackingAt(hook, table.name, state) === 'new' ? { ...state, connmark } : state;
}

function copyMark(
  visit: TableVisit,
  { options }: Extract<Target, { kind: 'connmark' }>,
  travellers: readonly Traveller[],
): Onward {
  const copied = connmarkCopied(options);
  if (copied === null)
    return end(visit, travellers, 'undetermined', `CONNMARK ${options.join(' ')} was not understood`);
  const { hook, table } = visit;
  return changed(travellers, (state) => (trackingAt(hook, table.name, state) === 'new' ? copied(state) : state));
}

/** A NAT target ends the table for the packet, once for its destination and once for its source. */
function translate(
  visit: TableVisit,
  target: Extract<Target, { kind: 'dnat' | 'snat' | 'masquerade' }>,
  travellers: readonly Traveller[],
): Onward {
  const place = natPlace(visit.hook, visit.table.name);
  const rewrite = target.kind === 'dnat' ? rewriteDestination(target.to, place) : rewriteSource(target, place);
  return rewriteAll(visit, travellers, rewrite);
}

function natPlace(hook: Hook, table: string): string {
  return table === 'nat' ? hook.name : `table ${table}`;
}

function rewriteAll(visit: TableVisit, travellers: readonly Traveller[], rewrite: Rewrite): Onward {
  if (rewrite.is === 'unclear') return end(visit, travellers, 'undetermined', rewrite.because);
  for (const traveller of travellers) gather(visit.accepted, { ...traveller, state: rewrite.apply(traveller.state) });
  return NOBODY;
}

function takeOpaque(
  visit: TableVisit,
  target: Extract<Target, { kind: 'opaque' }>,
  travellers: readonly Traveller[],
): Onward {
  switch (target.name) {
    case 'REDIRECT':
      return redirect(visit, target.options, travellers);
    case 'NOTRACK':
      return untrack(visit, travellers);
    case 'CT':
      return target.options.includes('--notrack') ? untrack(visit, travellers) : goOn(travellers);
    // Adds the packet to an ipset and goes on.
    case 'SET':
      return goOn(travellers);
    default:
      return end(visit, travellers, 'undetermined', `what the target ${target.name} does is not modelled`);
  }
}

/** Without a connection there is no NAT: the packet passes every nat table unseen. */
function untrack({ hook, table }: TableVisit, travellers: readonly Traveller[]): Onward {
  return changed(travellers, (state) =>
    trackingAt(hook, table.name, state) === 'none' ? { ...state, untracked: true } : state,
  );
}

function redirect(visit: TableVisit, options: readonly string[], travellers: readonly Traveller[]): Onward {
  const { run, hook, table } = visit;
  const loopback = parseIp(run.packet.family === 'IPv4' ? '127.0.0.1' : '::1');
  const self = hook.name === 'OUTPUT' ? loopback : (run.context.redirectAddress?.(run.packet.inInterface) ?? null);
  return rewriteAll(visit, travellers, rewriteToSelf(options, natPlace(hook, table.name), self));
}
