import { printAddressPort, type Ip } from '../model/address.ts';
import type { Cluster, ServicePort } from '../model/service.ts';
import { defineCheck, judged, type Fault } from './check.ts';
import type { ServiceView } from './world.ts';

export default defineCheck({
  id: 'SVC209',
  slug: 'address-conflict',
  severity: 'error',
  invariant: null,
  scope: 'service',
  title: 'no other Service claims the same address and port',
  docs: {
    why: `Every Service that claims an address and port gets an entry rule for it, and the first of them in KUBE-SERVICES takes all connections. Which one that is can differ from node to node, and change with any restart of kube-proxy.`,
    causes: [
      `spec.externalIPs of two Services hold the same address.`,
      `spec.externalIPs holds the clusterIP or load-balancer address of another Service, which hijacks its traffic (CVE-2020-8554).`,
      `A load balancer's address is shared by Services with the same port.`,
    ],
    fix: [`Give one of the Services another address or port.`],
    ignoreWhen: `Never while both Services are in use.`,
  },
  applies: (view) => view.ports.length > 0,
  judge: (view) => judged(conflicts(view)),
});

function conflicts(view: ServiceView): readonly Fault[] {
  const claims = claimsOf(view.cluster);
  const found = new Map<string, string>();
  for (const port of view.ports) {
    for (const ip of addressesOf(port)) {
      const others = (claims.get(key(ip, port)) ?? []).filter((other) => other.service !== port.service);
      const names = [...new Set(others.map(({ service }) => `${service.namespace}/${service.name}`))].toSorted();
      if (names.length > 0) found.set(`${printAddressPort(ip, port.port)}/${port.protocol}`, names.join(', '));
    }
  }
  return [...found].map(([address, names]) => ({
    title: `${address} is claimed by ${names} too`,
    cause: address,
    expected: [`one Service for ${address}`],
    proof: [],
    found: `${names} ${names.includes(', ') ? 'have' : 'has'} the same address and port`,
    confidence: 'certain',
    fix: names.split(', ').map((name) => `kubectl -n ${name.replace('/', ' get service ')} -o yaml`),
  }));
}

type Claims = ReadonlyMap<string, readonly ServicePort[]>;

const known = new WeakMap<Cluster, Claims>();

/** Made once for all Services of a cluster. */
function claimsOf(cluster: Cluster): Claims {
  const there = known.get(cluster);
  if (there !== undefined) return there;
  const claims = new Map<string, ServicePort[]>();
  for (const port of cluster.servicePorts) {
    for (const ip of addressesOf(port)) {
      const list = claims.get(key(ip, port));
      if (list === undefined) claims.set(key(ip, port), [port]);
      else list.push(port);
    }
  }
  known.set(cluster, claims);
  return claims;
}

function key(ip: Ip, { protocol, port }: ServicePort): string {
  return `${ip} ${protocol} ${port}`;
}

function addressesOf(port: ServicePort): ReadonlySet<Ip> {
  const vips = port.loadBalancerIngress.filter(({ ipMode }) => ipMode !== 'Proxy').map(({ ip }) => ip);
  return new Set([port.clusterIP, ...port.externalIPs, ...vips]);
}
