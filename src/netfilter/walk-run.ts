import type { Affinity, PacketView } from './match-answer.ts';
import { localQuestion } from './match-address-type.ts';
import type { NodeContext, Packet } from './packet.ts';
import type { Table } from './rules.ts';
import type { NextRule } from './walk-index.ts';
import type { Gathering, PacketState, Step, Traveller } from './walk-state.ts';
import { destinationChanged, sourceChanged } from './walk-state.ts';
import { assuming } from './walk-weight.ts';
import type { Weight } from './walk-weight.ts';

export type HookName = 'PREROUTING' | 'INPUT' | 'FORWARD' | 'OUTPUT' | 'POSTROUTING';

/** A hook as one packet comes to it. */
export interface Hook {
  readonly name: HookName;
  /** The packet left the node through `lo` and comes back: its connection and its NAT are settled. */
  readonly loopback: boolean;
  /** Names the incoming interface may have; '' for none, null for not known. */
  readonly inInterfaces: readonly string[] | null;
  /** The same for the interface the packet will leave through, as this hook sees it. */
  readonly outInterfaces: (state: PacketState) => readonly string[] | null;
}

export type FinalDisposition = 'rejected' | 'dropped' | 'loop' | 'undetermined';

/** A packet that goes no further. */
export interface Ending {
  readonly disposition: FinalDisposition;
  readonly traveller: Traveller;
  /** The rule that decided; null for a policy. */
  readonly decidedBy: Step | null;
  readonly because: string | null;
}

/** One walk: what it is about, what is left to spend, who has ended. */
export interface Run {
  readonly packet: Packet;
  readonly context: NodeContext;
  readonly affinity: Affinity;
  readonly remembered: ReadonlyMap<string, number>;
  readonly nextRule: NextRule;
  readonly endings: Ending[];
  /** Rules still to be looked at before the walk gives up: a rule set can ask for more than 2^30 of them. */
  budget: number;
}

/** One table's chains at one hook. */
export interface TableVisit {
  readonly run: Run;
  readonly hook: Hook;
  readonly source: string;
  readonly table: Table;
  /** Packets that are done with this table at this hook and go on to the next. */
  readonly accepted: Gathering;
  /** What rules see of each packet that has been here; filled by {@link viewOf}. */
  readonly views: Map<PacketState, PacketView>;
}

/** Open questions one packet may collect before the walk gives up on it; rules of tens of thousands of ipsets exist. */
const MOST_QUESTIONS = 32;
const MOST_PARTS = 64;

/** True when a weight has become too intricate to follow. */
export function isTooIntricate(weight: Weight): boolean {
  return weight.length > MOST_PARTS || weight.some(({ assumed }) => assumed.length > MOST_QUESTIONS);
}

/** What the rules of a table see of a packet. */
export function viewOf(visit: TableVisit, state: PacketState): PacketView {
  const there = visit.views.get(state);
  if (there !== undefined) return there;
  const made = makeView(visit, state);
  visit.views.set(state, made);
  return made;
}

function makeView({ run, hook, source, table }: TableVisit, state: PacketState): PacketView {
  const { packet, context, affinity, remembered } = run;
  return {
    packet,
    context,
    affinity,
    remembered,
    source: state.source,
    sourcePort: state.sourcePort,
    destination: state.destination,
    destinationPort: state.destinationPort,
    mark: state.mark,
    connmark: state.connmark,
    inInterfaces: hook.inInterfaces,
    outInterfaces: hook.outInterfaces(state),
    tracking: trackingAt(hook, table.name, state),
    destinationChanged: destinationChanged(state, packet),
    sourceChanged: sourceChanged(state, packet),
    recent: state.recent,
    place: `${source} ${hook.name} ${table.name}`,
  };
}

/** Connection tracking comes after table raw; a packet that came back through `lo` brings its connection along. */
export function trackingAt(hook: Hook, table: string, state: PacketState): PacketView['tracking'] {
  if (state.untracked) return 'untracked';
  return table === 'raw' && !hook.loopback ? 'none' : 'new';
}

/** Packets to an address of the node, and the others; a packet of which that is not known is in both. */
export interface Routed {
  readonly local: readonly Traveller[];
  readonly away: readonly Traveller[];
}

/** The routing decision, as far as it matters here: whether the destination is the node's. */
export function routed(travellers: readonly Traveller[], context: NodeContext): Routed {
  const local: Traveller[] = [];
  const away: Traveller[] = [];
  for (const traveller of travellers) {
    const answer = context.isLocal(traveller.state.destination);
    if (answer.is === 'yes') local.push(traveller);
    else if (answer.is === 'no') away.push(traveller);
    else {
      local.push(...assumingLocal(traveller, true, answer.because));
      away.push(...assumingLocal(traveller, false, answer.because));
    }
  }
  return { local, away };
}

function assumingLocal(traveller: Traveller, answer: boolean, because: string): readonly Traveller[] {
  const assumed = underAssumption(traveller, localQuestion(traveller.state.destination), answer, because);
  return assumed === null ? [] : [assumed];
}

/** The packet if the question has this answer; null when it came here under the opposite one. */
export function underAssumption(
  traveller: Traveller,
  question: string,
  answer: boolean,
  because: string,
): Traveller | null {
  const weight = assuming(traveller.weight, { question, answer, because });
  return weight.length === 0 ? null : { ...traveller, weight, pathShare: traveller.pathShare / 2 };
}
