import { parseCidr, parseIp, type Cidr, type Family, type Ip } from '../../src/model/address.ts';
import { servicePortsOf } from '../../src/model/parse-service-port.ts';
import type { Endpoint, Service, ServicePort } from '../../src/model/service.ts';
import type { ProxySettings, Setting } from '../../src/kubeproxy/expectation.ts';
import { eraOf, parseVersion } from '../../src/kubeproxy/version.ts';

/** Services, endpoints and settings that are valid by default, altered by what a test is about. */

export function ip(text: string): Ip {
  const parsed = parseIp(text);
  if (parsed === null) throw new Error(`${text} is no address`);
  return parsed;
}

export function cidr(text: string): Cidr {
  const parsed = parseCidr(text);
  if (parsed === null) throw new Error(`${text} is no range`);
  return parsed;
}

export function known<T>(value: T): Setting<T> {
  return { value, origin: 'configured', from: 'test' };
}

export const NODE = 'rain-kubernetes-1';

/** kube-proxy of this version as kubeadm sets it up. */
export function settingsOf(version: string, change: Partial<ProxySettings> = {}): ProxySettings {
  const parsed = parseVersion(version);
  if (parsed === null) throw new Error(`${version} is no version`);
  const family = change.family ?? 'IPv4';
  return {
    family,
    era: known(eraOf(parsed)),
    version: known(parsed),
    mark: known(0x4000),
    masqueradeAll: known(false),
    localDetection: known({ mode: 'source', cidr: cidr(family === 'IPv4' ? '10.244.0.0/16' : 'fd00:10:244::/56') }),
    nodePortAddresses: known({ mode: 'all' }),
    localhostNodePorts: known(true),
    nodeName: NODE,
    zone: null,
    nodeIPs: [ip(family === 'IPv4' ? '10.0.0.5' : 'fd00::5')],
    ...change,
  };
}

export function makeService(change: Partial<Service> = {}): Service {
  return {
    namespace: 'default',
    name: 'web',
    type: 'ClusterIP',
    headless: false,
    externalName: null,
    selector: null,
    clusterIPs: [ip('10.96.0.20')],
    externalIPs: [],
    loadBalancerIngress: [],
    loadBalancerHostnames: [],
    sourceRanges: [],
    internalTrafficPolicy: 'Cluster',
    externalTrafficPolicy: 'Cluster',
    affinitySeconds: null,
    healthCheckNodePort: 0,
    publishNotReadyAddresses: false,
    ports: [{ name: 'http', protocol: 'TCP', port: 80, targetPort: null, nodePort: 0 }],
    labels: new Map(),
    annotations: new Map(),
    deleting: false,
    resourceVersion: null,
    ...change,
  };
}

/** The one port of a Service in one family. */
export function portOf(service: Service, family: Family = 'IPv4'): ServicePort {
  const port = servicePortsOf(service).find((candidate) => candidate.family === family);
  if (port === undefined) throw new Error(`the Service has no port in ${family}`);
  return port;
}

export function makePort(change: Partial<Service> = {}, nodePort = 0, family: Family = 'IPv4'): ServicePort {
  const ports: Service['ports'] = [{ name: 'http', protocol: 'TCP', port: 80, targetPort: null, nodePort }];
  return portOf(makeService({ ports, ...change }), family);
}

/** `10.0.0.1:80`, ready, on no node. */
export function endpoint(text: string, change: Partial<Endpoint> = {}): Endpoint {
  const colon = text.lastIndexOf(':');
  return {
    ip: ip(text.slice(0, colon).replaceAll(/[[\]]/g, '')),
    port: Number(text.slice(colon + 1)),
    node: null,
    ready: true,
    serving: true,
    terminating: false,
    zoneHints: [],
    nodeHints: [],
    pod: null,
    slice: 'web-1',
    ...change,
  };
}

export const DRAINING = { ready: false, serving: true, terminating: true } as const;
export const UNREADY = { ready: false, serving: false, terminating: false } as const;
