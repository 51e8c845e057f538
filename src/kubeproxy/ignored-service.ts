import type { Service } from '../model/service.ts';
import type { ProxyVersion } from './expectation.ts';

const PROXY_NAME_LABEL = 'service.kubernetes.io/service-proxy-name';
const HEADLESS_LABEL = 'service.kubernetes.io/headless';

/**
 * Why kube-proxy makes no rules for a Service, in words for the report; null when it makes them. A null version is read
 * as the newest. kube-proxy looks at the presence of a label, whatever its value.
 */
export function ignoredBecause(service: Service, version: ProxyVersion | null): string | null {
  if (service.type === 'ExternalName') return 'type ExternalName: the cluster DNS answers with a CNAME';
  if (service.headless) return 'headless: clients get the endpoints from the cluster DNS';
  if (service.labels.has(PROXY_NAME_LABEL)) return `label ${PROXY_NAME_LABEL}: another proxy handles it`;
  // Since 1.35 the label is looked for on EndpointSlices only (#134623).
  const minor = version?.minor ?? Number.POSITIVE_INFINITY;
  if (service.labels.has(HEADLESS_LABEL) && minor >= 16 && minor <= 34) {
    return `label ${HEADLESS_LABEL}: kube-proxy before 1.35 ignores the Service`;
  }
  return service.clusterIPs.length === 0 ? 'no cluster IP that can be read' : null;
}
