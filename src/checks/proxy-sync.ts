import type { ProxyCondition } from '../model/node-condition.ts';
import type { ProxyHealth } from '../model/proxy-health.ts';
import type { FamilyMetrics } from '../model/proxy-metrics.ts';
import { writeFailureOf } from '../model/proxy-log.ts';
import type { FamilyView } from './world.ts';

/** A change that kube-proxy knows of and has not written. */
export interface Backlog {
  /** Seconds since the last synchronisation that succeeded; null: not known. */
  readonly age: number | null;
  /** What says so, as facts. */
  readonly found: string;
  /** Told by kube-proxy itself, not by comparing clocks of two machines. */
  readonly isCertain: boolean;
}

/** Whether kube-proxy's work on a family waits for too long. null: it does not, or nobody knows. */
export function backlogOf({ condition: { proxy }, family }: FamilyView): Backlog | null {
  return proxy.health === null ? backlogByMetrics(proxy, family) : backlogByHealth(proxy.health, family);
}

/**
 * kube-proxy answers 503 when a change has waited for more than twice its sync period. It also does while its node is to
 * be deleted, so that load balancers leave (KEP-3836): that is no backlog. With 200 nothing of the answer's times means
 * anything.
 */
function backlogByHealth(health: ProxyHealth, family: string): Backlog | null {
  const own = health.families.get(family);
  const isLate = own === undefined ? health.nodeEligible !== false : !own.healthy;
  if (health.status !== 503 || !isLate) return null;
  const last = own === undefined ? health.lastUpdated : own.lastUpdated;
  const age = last === null || health.currentTime === null ? null : health.currentTime - last;
  const since = age === null ? 'it has never written any' : `it last wrote them ${seconds(age)} before`;
  return { age, found: `/healthz answers 503: changes wait to be written; ${since}`, isCertain: true };
}

/** Clocks of nodes and people may differ by minutes; kube-proxy itself calls more than one minute late. */
const LATE = 600;

function backlogByMetrics({ metrics, readAt }: ProxyCondition, family: string): Backlog | null {
  const own = familyMetrics(metrics?.families, family);
  if (own === null || own.lastQueued === null || readAt === null) return null;
  const waiting = readAt - own.lastQueued;
  if (own.lastQueued <= (own.lastSynced ?? 0) || waiting < LATE) return null;
  const age = own.lastSynced === null ? null : readAt - own.lastSynced;
  return { age, found: `its metrics say that a change waits for ${seconds(waiting)}`, isCertain: false };
}

/** Failed writes since kube-proxy was started, of the family; null: its metrics were not read. */
export function failuresOf({ condition: { proxy }, family }: FamilyView): number | null {
  return familyMetrics(proxy.metrics?.families, family)?.failures ?? null;
}

function familyMetrics(families: ReadonlyMap<string, FamilyMetrics> | undefined, family: string): FamilyMetrics | null {
  return families?.get(family) ?? families?.get('') ?? null;
}

/** What kube-proxy's log says of writes that failed; null: nothing, or it was not read. */
export function saidOf({ condition: { proxy } }: FamilyView): string | null {
  return proxy.log === null ? null : writeFailureOf(proxy.log);
}

/** kube-proxy waits, and its writes have failed: one cause, that another check names. */
export function cannotWrite(view: FamilyView): boolean {
  return backlogOf(view) !== null && ((failuresOf(view) ?? 0) > 0 || saidOf(view) !== null);
}

function seconds(count: number): string {
  if (count < 120) return `${Math.round(count)} s`;
  return count < 7200 ? `${Math.round(count / 60)} min` : `${Math.round(count / 3600)} h`;
}
