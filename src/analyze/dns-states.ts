import type { Check } from '../checks/check.ts';
import type { OpenServiceQuestion } from '../checks/run.ts';
import type { ServiceView } from '../checks/world.ts';
import type { ServiceSummary } from '../model/report.ts';
import type { WeighedHits } from './weigh.ts';

/** What those of `checks` that are about DNS say of each Service; nothing of one that nobody asked about. */
export function dnsStates(
  checks: readonly Check[],
  services: readonly ServiceView[],
  groups: readonly WeighedHits[],
  undecided: readonly OpenServiceQuestion[],
): (view: ServiceView) => Pick<ServiceSummary, 'dns'> {
  const own = checks.filter((check) => check.scope === 'service').filter((check) => check.asksDns === true);
  const isDns = (check: Check): boolean => own.some(({ id }) => id === check.id);
  const asked = new Set(services.filter((view) => own.some((check) => check.applies(view))));
  const open = new Set(undecided.filter(({ check }) => isDns(check)).map(({ service }) => service));
  const hits = groups.flatMap((group) => group.hits);
  const failed = new Set(hits.flatMap((hit) => (hit.scope === 'service' && isDns(hit.check) ? [hit.service] : [])));
  return (view) => {
    if (!asked.has(view)) return {};
    if (failed.has(view)) return { dns: 'failed' };
    return { dns: open.has(view) ? 'undetermined' : 'ok' };
  };
}
