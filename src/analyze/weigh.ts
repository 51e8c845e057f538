import type { Hit } from '../checks/run.ts';
import type { PortView } from '../checks/world.ts';
import { allEffectsOf, type FlowEffect } from './effects.ts';
import { shapeOf } from './shapes.ts';

/** Hits with the same cause, and what they do to packets. */
export interface WeighedHits {
  readonly hits: readonly Hit[];
  /** What was walked, that which differs first; null: no walk can judge it. */
  readonly walked: readonly Walked[] | null;
  /** Nothing changes for packets. */
  readonly harmless: boolean;
}

export interface Walked {
  readonly view: PortView;
  readonly effect: FlowEffect;
}

/** Findings that share the cause are one finding, whatever the number of nodes; the walk is done for this many views. */
const WALKED_VIEWS = 12;
/** The walks a report keeps for each finding: so many views. */
const KEPT_VIEWS = 3;

/**
 * Groups hits by cause and walks what they hit. A fault of a whole node is left with the Service ports that feel it; an
 * order that is not kube-proxy's, and that nobody feels, is no fault at all.
 */
export function weigh(hits: readonly Hit[]): readonly WeighedHits[] {
  const groups = [...Map.groupBy(hits, causeKey).values()].map(weighGroup);
  return groups.filter(({ hits: members, harmless }) => !harmless || !members.every(({ fault }) => fault.onlyOrder));
}

function causeKey(hit: Hit): string {
  switch (hit.scope) {
    case 'service':
      return `${hit.check.id} ${hit.service.service.namespace}/${hit.service.service.name} ${hit.fault.cause}`;
    case 'service-port':
      if (hit.fault.spansPorts === true) return `${hit.check.id} ${hit.fault.cause}`;
      return `${hit.check.id} ${hit.view.port.id}/${hit.view.port.protocol} ${hit.fault.cause}`;
    case 'node':
      return `${hit.check.id} ${hit.fault.cause}`;
  }
}

function weighGroup(hits: readonly Hit[]): WeighedHits {
  const views = hits.flatMap(viewsOf);
  if (views.length === 0) return { hits, walked: null, harmless: false };
  const [first] = hits;
  if (first?.fault.felt !== undefined) {
    return { hits, walked: null, harmless: hits.every(({ fault }) => fault.felt?.now !== true) };
  }
  if (first?.scope === 'node' && first.check.stops !== undefined) return { hits, walked: null, harmless: false };
  if (first?.fault.stopped !== undefined) {
    return { hits, walked: null, harmless: hits.every(({ fault }) => fault.mayBeMeant === true) };
  }
  const feel = first?.scope === 'node' ? byShape(views) : oneByOne(views);
  const felt = views.filter((view) => feel.get(view) === true);
  const shown = felt.length > 0 ? felt : views;
  return {
    hits: felt.length === 0 ? hits : hits.map((hit) => narrowed(hit, feel)),
    walked: shown.slice(0, KEPT_VIEWS).flatMap(walkedOf),
    harmless: felt.length === 0,
  };
}

export function viewsOf(hit: Hit): readonly PortView[] {
  switch (hit.scope) {
    case 'service':
      return [];
    case 'service-port':
      return [hit.view];
    case 'node':
      return hit.ports;
  }
}

type Feeling = ReadonlyMap<PortView, boolean>;

function byShape(views: readonly PortView[]): Feeling {
  const feeling = new Map<PortView, boolean>();
  for (const alike of Map.groupBy(views, shapeOf).values()) {
    const feels = alike.slice(0, 1).some(differs);
    for (const view of alike) feeling.set(view, feels);
  }
  return feeling;
}

/** The first dozen stand for the rest. */
function oneByOne(views: readonly PortView[]): Feeling {
  const feeling = new Map(views.slice(0, WALKED_VIEWS).map((view) => [view, differs(view)]));
  const any = [...feeling.values()].some(Boolean);
  for (const view of views.slice(WALKED_VIEWS)) feeling.set(view, any);
  return feeling;
}

function differs(view: PortView): boolean {
  const { usual, rare } = allEffectsOf(view);
  return rare.length > 0 || usual.some((effect) => effect.differs);
}

/** A check of a Service port stands as it is: its own rules differ there, felt or not. */
function narrowed(hit: Hit, feeling: Feeling): Hit {
  return hit.scope === 'node' ? { ...hit, ports: hit.ports.filter((view) => feeling.get(view) === true) } : hit;
}

function walkedOf(view: PortView): readonly Walked[] {
  const { usual, rare } = allEffectsOf(view);
  return [...usual, ...rare].map((effect) => ({ view, effect }));
}
