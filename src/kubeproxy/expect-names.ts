import type { ServicePort } from '../model/service.ts';
import type { ProxySettings } from './expectation.ts';
import { featuresOf } from './features.ts';

export { nameInHash } from './names.ts';

/** The one name this kube-proxy uses for the port, in hashes and in comments. */
export function nameFor(port: ServicePort, settings: ProxySettings): string {
  const colon = port.portName === '' && featuresOf(settings)('unnamedWithoutColon') === false;
  return colon ? `${port.id}:` : port.id;
}
