import type { Endpoint, ServicePort } from '../model/service.ts';
import type { ChainName } from '../netfilter/rules.ts';
import { usableEndpoints } from './endpoints.ts';
import { ERA_1_20 } from './era-1.20.ts';
import { ERA_1_21 } from './era-1.21.ts';
import { ERA_1_22 } from './era-1.22.ts';
import { ERA_1_24 } from './era-1.24.ts';
import { ERA_1_25 } from './era-1.25.ts';
import { sepChains } from './expect-balancing.ts';
import { nameInHash } from './expect-names.ts';
import { isUnfinished } from './expect-xlb.ts';
import type { Era as EraName, ExpectedServicePort, ProxySettings } from './expectation.ts';
import { portChains } from './names.ts';
import { planPort, type Era, type PortPlan } from './port-plan.ts';

/** What the rules of one Service port depend on beside the port, its endpoints and the node's settings. */
export interface ExpectationContext {
  /**
   * Endpoints of all Service ports of the family, ready or not, counted once for each port; null when not all Services
   * were read. Above 1,000 kube-proxy leaves comments out.
   */
  readonly totalEndpoints: number | null;
}

const NOT_COUNTED: ExpectationContext = { totalEndpoints: null };

const ERA_RULES: Readonly<Record<EraName, Era>> = {
  '1.20': ERA_1_20,
  '1.21': ERA_1_21,
  '1.22': ERA_1_22,
  '1.24': ERA_1_24,
  '1.25': ERA_1_25,
};

/** The rules a node's kube-proxy should have written for one Service port in the family of the settings. */
export function expectServicePort(
  port: ServicePort,
  endpoints: readonly Endpoint[],
  settings: ProxySettings,
  context: ExpectationContext = NOT_COUNTED,
): ExpectedServicePort {
  const usable = usableEndpoints(port, endpoints, settings);
  const plan = planPort(port, usable, settings, context.totalEndpoints);
  const era = ERA_RULES[settings.era.value];
  return {
    port,
    endpoints: usable,
    entries: era.entries(plan),
    chains: [...era.chains(plan), ...(hasSepChains(plan) ? sepChains(plan) : [])],
    ownChains: ownChains(port),
  };
}

function hasSepChains(plan: PortPlan): boolean {
  return plan.endpoints.hasEndpoints && !isUnfinished(plan);
}

function ownChains(port: ServicePort): ReadonlySet<ChainName> {
  const all = nameInHash(port).map((name) => portChains(name, port.protocol));
  return new Set(all.flatMap(({ svc, svl, ext, xlb, fw }) => [svc, svl, ext, xlb, fw]));
}
