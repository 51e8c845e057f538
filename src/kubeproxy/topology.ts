import type { Endpoint, Service } from '../model/service.ts';
import type { ProxySettings } from './expectation.ts';
import { featuresOf } from './features.ts';

/**
 * Ready endpoints that topology leaves to this node (KEP-2433, KEP-3015, KEP-4444). `spec.trafficDistribution` is for
 * the slice controller; kube-proxy reads only the hints the controller wrote. A hint that is missing on one endpoint
 * makes kube-proxy ignore all of them, so that no endpoint is lost by a half-written slice.
 */
export function hintedEndpoints(
  ready: readonly Endpoint[],
  service: Service,
  settings: ProxySettings,
): readonly Endpoint[] {
  if (ready.length === 0) return ready;
  const features = featuresOf(settings);
  if (features('nodeHints') !== false) {
    const ofNode = choose(ready, (endpoint) => endpoint.nodeHints, settings.nodeName);
    if (ofNode !== null) return ofNode;
  }
  if (features('zoneHints') === false || settings.zone === null || !asksForHints(service, settings)) return ready;
  return choose(ready, (endpoint) => endpoint.zoneHints, settings.zone) ?? ready;
}

function choose(
  ready: readonly Endpoint[],
  hints: (endpoint: Endpoint) => readonly string[],
  place: string,
): readonly Endpoint[] | null {
  if (ready.some((endpoint) => hints(endpoint).length === 0)) return null;
  const chosen = ready.filter((endpoint) => hints(endpoint).includes(place));
  return chosen.length === 0 ? null : chosen;
}

const OLD_ANNOTATION = 'service.kubernetes.io/topology-aware-hints';
const NEW_ANNOTATION = 'service.kubernetes.io/topology-mode';

/** Up to 1.30 an annotation of the Service had to ask for hints; the older one goes first. */
function asksForHints(service: Service, settings: ProxySettings): boolean {
  const features = featuresOf(settings);
  if (features('hintsNeedNoAnnotation') !== false) return true;
  const old = service.annotations.get(OLD_ANNOTATION);
  if (features('topologyModeAnnotation') === false) return old === 'Auto' || old === 'auto';
  const mode = old ?? service.annotations.get(NEW_ANNOTATION) ?? '';
  return mode !== '' && mode !== 'disabled' && mode !== 'Disabled';
}
