import type { Endpoint, ServicePort } from '../model/service.ts';
import type { ProxySettings } from './expectation.ts';
import { ZERO_RANGE } from './features.ts';
import { rangeOf, rangeOfMinors } from './version.ts';

/**
 * The settings a node can have had when it wrote the rules of one Service port: more than one where its version is not
 * known and versions differ in what they make of this very port. Newest first; the rules have to be those of one of
 * them, not a mixture.
 */
export function candidateSettings(
  port: ServicePort,
  endpoints: readonly Endpoint[],
  settings: ProxySettings,
): readonly ProxySettings[] {
  const { min, max } = rangeOf(settings);
  const open = port.sourceRanges.some(({ prefix }) => prefix === 0);
  if (open && min.minor <= ZERO_RANGE.last && max.minor >= ZERO_RANGE.first) return eitherWay(settings);
  if (min.minor === max.minor) return [settings];
  const turns = turningPoints(port, endpoints).filter((minor) => minor > min.minor && minor <= max.minor);
  if (turns.length === 0) return [settings];
  const starts = [min.minor, ...turns].toSorted((a, b) => b - a);
  return starts.map((start, index) => {
    const end = index === 0 ? max.minor : (starts[index - 1] ?? 0) - 1;
    return { ...settings, versionRange: rangeOfMinors(start, end) };
  });
}

/** With a source range of /0 in force, as 1.33 has it, and without, as 1.37. */
function eitherWay(settings: ProxySettings): readonly ProxySettings[] {
  const as = (minor: number): ProxySettings => ({
    ...settings,
    version: { ...settings.version, value: null },
    versionRange: rangeOfMinors(minor, minor),
  });
  return [as(ZERO_RANGE.last + 1), as(ZERO_RANGE.first - 1)];
}

/** Minor versions that make something else of such a port than the one before; see `features.ts` for the sources. */
function turningPoints(port: ServicePort, endpoints: readonly Endpoint[]): readonly number[] {
  const { service } = port;
  const turns = new Set<number>();
  const add = (applies: boolean, ...minors: readonly number[]): void => {
    if (applies) for (const minor of minors) turns.add(minor);
  };
  add(service.internalTrafficPolicy === 'Local', 22);
  add(service.externalTrafficPolicy === 'Local' && service.type === 'ClusterIP', 29);
  add(
    port.loadBalancerIngress.some(({ ipMode }) => ipMode === 'Proxy'),
    30,
  );
  add(
    endpoints.some(({ terminating }) => terminating),
    26,
    36,
  );
  add(
    endpoints.some(({ zoneHints }) => zoneHints.length > 0),
    24,
    27,
    31,
  );
  add(
    endpoints.some(({ nodeHints }) => nodeHints.length > 0),
    34,
  );
  return [...turns];
}
