import { printAddressPort } from '../model/address.ts';
import type { Cluster, Endpoint, ServicePort } from '../model/service.ts';
import type { ProxySettings, UsableEndpoints } from './expectation.ts';
import { featuresOf } from './features.ts';
import { hintedEndpoints } from './topology.ts';
import { trafficPolicies, type TrafficPolicies } from './traffic-policy.ts';
import { parseVersion, rangeOf } from './version.ts';

/**
 * The endpoints a node uses for a Service port (pkg/proxy/topology.go since 1.24, iptables/proxier.go before). Where
 * versions differ and the node's version is not known, the newest behaviour is taken: an empty list and a list of one
 * endpoint cannot both be expected. 1.22.0 to 1.22.3 counted unready endpoints by a defect (#106030); not modelled.
 */
export function usableEndpoints(
  port: ServicePort,
  endpoints: readonly Endpoint[],
  settings: ProxySettings,
): UsableEndpoints {
  const policies = trafficPolicies(port, settings);
  const sorted = distinctInOrder(endpoints, settings);
  switch (settings.era.value) {
    case '1.25':
    case '1.24':
      return byPolicies(port, sorted, policies, settings);
    case '1.22':
    case '1.21':
    case '1.20':
      return byReduction(sorted, policies, settings);
  }
}

const NONE: readonly Endpoint[] = [];

function isLocal(endpoint: Endpoint, settings: ProxySettings): boolean {
  return endpoint.node !== null && endpoint.node === settings.nodeName;
}

function isDraining(endpoint: Endpoint): boolean {
  return endpoint.serving && endpoint.terminating;
}

/** 1.24 and later: one list for the whole cluster and one for this node, each made only if the Service uses it. */
function byPolicies(
  port: ServicePort,
  endpoints: readonly Endpoint[],
  policies: TrafficPolicies,
  settings: ProxySettings,
): UsableEndpoints {
  const usesCluster = !policies.internalLocal || policies.externallyAccessible;
  const usesLocal = policies.internalLocal || (policies.externalLocal && policies.externallyAccessible);
  const drains = featuresOf(settings)('terminatingFallback') !== false;
  const ready = keep(endpoints, (endpoint) => endpoint.ready);
  const draining = drains && ready.length < endpoints.length ? keep(endpoints, isDraining) : NONE;
  const hinted = usesCluster ? hintedEndpoints(ready, port.service, settings) : NONE;
  const cluster = usesCluster && hinted.length === 0 ? draining : hinted;
  const here = (endpoint: Endpoint): boolean => isLocal(endpoint, settings);
  const localReady = usesLocal ? ready.filter(here) : NONE;
  const local = usesLocal && localReady.length === 0 ? draining.filter(here) : localReady;
  return {
    cluster,
    local,
    reachable: union(endpoints, cluster, local),
    hasEndpoints: cluster.length > 0 || (usesLocal && ready.length + draining.length > 0),
    usesCluster,
    usesLocal,
  };
}

/**
 * Up to 1.23: only ready endpoints. internalTrafficPolicy Local first reduces the whole list to this node's, so that a
 * node without one rejects the Service, unless externalTrafficPolicy is Local too: then nothing is reduced (seen in
 * 1.22.17). Hints are behind a gate that is off.
 */
function byReduction(
  endpoints: readonly Endpoint[],
  policies: TrafficPolicies,
  settings: ProxySettings,
): UsableEndpoints {
  const here = (endpoint: Endpoint): boolean => isLocal(endpoint, settings);
  const ready = keep(endpoints, (endpoint) => endpoint.ready);
  const cluster = policies.internalLocal && !policies.externalLocal ? ready.filter(here) : ready;
  const local = policies.externalLocal ? ready.filter(here) : NONE;
  const usesLocal = policies.externalLocal;
  return { cluster, local, reachable: cluster, hasEndpoints: cluster.length > 0, usesCluster: true, usesLocal };
}

/** Nearly always all of them: then no new list. */
function keep(endpoints: readonly Endpoint[], wanted: (endpoint: Endpoint) => boolean): readonly Endpoint[] {
  return endpoints.every(wanted) ? endpoints : endpoints.filter(wanted);
}

function union(
  endpoints: readonly Endpoint[],
  cluster: readonly Endpoint[],
  local: readonly Endpoint[],
): readonly Endpoint[] {
  if (local.length === 0) return cluster;
  if (cluster.length === 0) return local;
  const used = new Set([...cluster, ...local]);
  return used.size === cluster.length ? cluster : endpoints.filter((endpoint) => used.has(endpoint));
}

const texts = new WeakMap<Endpoint, string>();

/** `ip:port`, printed once for each endpoint: it is hashed, commented and sorted by on every node. */
export function endpointText(endpoint: Endpoint): string {
  const known = texts.get(endpoint);
  if (known !== undefined) return known;
  const text = printAddressPort(endpoint.ip, endpoint.port);
  texts.set(endpoint, text);
  return text;
}

/** Each `ip:port` once, in the byte order of that text: `10.0.0.10:80` stands before `10.0.0.2:80`. */
function distinctInOrder(endpoints: readonly Endpoint[], settings: ProxySettings): readonly Endpoint[] {
  const chosen = new Map<string, Endpoint>();
  for (const endpoint of endpoints) {
    const text = endpointText(endpoint);
    const rival = chosen.get(text);
    if (rival === undefined || wins(endpoint, rival, settings)) chosen.set(text, endpoint);
  }
  const keys = [...chosen.keys()].sort();
  return keys.flatMap((key) => chosen.get(key) ?? []);
}

/**
 * Among equal endpoints of several slices: up to 1.35 the local one, since 1.36 one that is not terminating (#135593).
 * kube-proxy leaves the rest to the order of a Go map; here the first slice by name wins.
 */
function wins(endpoint: Endpoint, rival: Endpoint, settings: ProxySettings): boolean {
  if (featuresOf(settings)('duplicatesPreferRunning') !== false && endpoint.terminating !== rival.terminating) {
    return rival.terminating;
  }
  return isLocal(endpoint, settings) && !isLocal(rival, settings);
}

/**
 * Whether this kube-proxy reads EndpointSlices or Endpoints objects. Slices are the default since 1.19, but through the
 * v1beta1 API, which the API server dropped in 1.25, up to 1.20: beside a newer API server such a kube-proxy works only
 * with the gate EndpointSliceProxying off (seen: 1.20.15).
 */
export function readsEndpointsObjects(cluster: Cluster, settings: ProxySettings): boolean {
  if (settings.era.value !== '1.20') return false;
  const { max } = rangeOf(settings);
  const server = cluster.serverVersion === null ? null : parseVersion(cluster.serverVersion);
  return max.minor < 19 || (server !== null && server.minor >= 25);
}

/** The endpoints this kube-proxy was told of; slices stand in where Endpoints objects were not read. */
export function endpointsFor(cluster: Cluster, port: ServicePort, settings: ProxySettings): readonly Endpoint[] {
  const legacy = readsEndpointsObjects(cluster, settings) ? cluster.legacyEndpointsOf(port) : null;
  return legacy ?? cluster.endpointsOf(port);
}
