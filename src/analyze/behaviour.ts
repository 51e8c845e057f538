import type { FlowDifference, PortView } from '../checks/world.ts';
import { allEffectsOf, type FlowEffect } from './effects.ts';
import { flowName } from './impact.ts';

/** Connections that do not end as kube-proxy's rules would have them end. What is not certain is no difference. */
export function differencesOf(view: PortView): readonly FlowDifference[] {
  const { usual, rare } = allEffectsOf(view);
  return [...usual, ...rare]
    .filter((effect) => effect.differs && !isOpen(effect))
    .map((effect) => ({ flow: flowName(effect.flow), via: effect.via }));
}

function isOpen({ actual, wanted }: FlowEffect): boolean {
  return [...actual, ...wanted].some((outcome) => outcome.result === 'undetermined');
}
