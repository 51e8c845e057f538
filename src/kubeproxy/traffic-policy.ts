import type { Ip } from '../model/address.ts';
import type { ServicePort } from '../model/service.ts';
import type { ProxySettings } from './expectation.ts';
import { featuresOf } from './features.ts';

/** What kube-proxy derives from a Service port before it looks at endpoints; shared by endpoints and rules. */
export interface TrafficPolicies {
  /** `externalTrafficPolicy: Local` is in force. */
  readonly externalLocal: boolean;
  /** `internalTrafficPolicy: Local` is in force. */
  readonly internalLocal: boolean;
  /** Load-balancer addresses that have rules. */
  readonly vips: readonly Ip[];
  /** A node port, a load-balancer address or an external IP in this family. */
  readonly externallyAccessible: boolean;
  /** Has a meaning with `externalTrafficPolicy: Local` of a LoadBalancer only; 0 when there is none. */
  readonly healthCheckNodePort: number;
}

/** Where versions differ and the version is not known, the newest behaviour is taken. */
export function trafficPolicies(port: ServicePort, settings: ProxySettings): TrafficPolicies {
  const { service } = port;
  const features = featuresOf(settings);
  const externalLocal = service.externalTrafficPolicy === 'Local' && honoursExternalPolicy(port, settings);
  const internalLocal = service.internalTrafficPolicy === 'Local' && features('internalTrafficPolicy') !== false;
  const proxied = features('ipModeProxy') !== false;
  const vips = port.loadBalancerIngress
    .filter((ingress) => !proxied || ingress.ipMode !== 'Proxy')
    .map((ingress) => ingress.ip);
  return {
    externalLocal,
    internalLocal,
    vips,
    externallyAccessible: port.nodePort !== 0 || vips.length > 0 || port.externalIPs.length > 0,
    healthCheckNodePort: service.type === 'LoadBalancer' && externalLocal ? service.healthCheckNodePort : 0,
  };
}

/** The API server lets a ClusterIP Service with externalIPs have the policy since 1.29 (#119150), and so kube-proxy. */
function honoursExternalPolicy({ service }: ServicePort, settings: ProxySettings): boolean {
  if (service.type === 'NodePort' || service.type === 'LoadBalancer') return true;
  return service.externalIPs.length > 0 && featuresOf(settings)('localPolicyOnClusterIP') !== false;
}
