import type { Check } from './check.ts';
import svc201 from './svc201-selector-matches.ts';
import svc202 from './svc202-pods-ready.ts';
import svc203 from './svc203-target-port-name.ts';
import svc204 from './svc204-external-name.ts';
import svc205 from './svc205-headless.ts';
import svc206 from './svc206-has-endpoints.ts';
import svc207 from './svc207-local-endpoints.ts';
import svc208 from './svc208-load-balancer-pending.ts';
import svc209 from './svc209-address-conflict.ts';
import svc210 from './svc210-external-name-ip.ts';
import svc211 from './svc211-slices-current.ts';
import svc212 from './svc212-endpoint-node.ts';
import svc213 from './svc213-duplicate-endpoint.ts';
import svc214 from './svc214-slice-used.ts';
import svc215 from './svc215-mirrored-endpoints.ts';
import svc221 from './svc221-external-name-answer.ts';
import svc222 from './svc222-cluster-ip-answer.ts';
import svc223 from './svc223-headless-answer.ts';
import svc224 from './svc224-external-name-target.ts';
import svc301 from './svc301-cluster-ip-entry.ts';
import svc302 from './svc302-node-port-entry.ts';
import svc303 from './svc303-external-ip-entry.ts';
import svc304 from './svc304-load-balancer-entry.ts';
import svc305 from './svc305-entry-target.ts';
import svc306 from './svc306-entry-duplicate.ts';
import svc307 from './svc307-foreign-entry.ts';
import svc308 from './svc308-services-jump.ts';
import svc309 from './svc309-node-ports-jump.ts';
import svc310 from './svc310-blocked-port.ts';
import svc311 from './svc311-block-missing.ts';
import svc312 from './svc312-service-port-known.ts';
import svc313 from './svc313-external-chain.ts';
import svc321 from './svc321-endpoint-chain.ts';
import svc322 from './svc322-endpoint-address.ts';
import svc323 from './svc323-endpoint-foreign.ts';
import svc324 from './svc324-hairpin-mark.ts';
import svc326 from './svc326-endpoints-current.ts';
import svc331 from './svc331-balancing-rule.ts';
import svc332 from './svc332-balancing-double.ts';
import svc333 from './svc333-balancing-share.ts';
import svc336 from './svc336-affinity.ts';
import svc341 from './svc341-external-mark.ts';
import svc342 from './svc342-mark-chain.ts';
import svc343 from './svc343-masquerade.ts';
import svc344 from './svc344-postrouting-jump.ts';
import svc345 from './svc345-cluster-ip-mark.ts';
import svc351 from './svc351-firewall-allow.ts';
import svc352 from './svc352-firewall-drop.ts';
import svc353 from './svc353-health-check-port.ts';
import svc354 from './svc354-forward-chain.ts';
import svc355 from './svc355-filter-jump.ts';
import svc356 from './svc356-localnet-drop.ts';
import svc401 from './svc401-proxy-rules.ts';
import svc402 from './svc402-surplus-rule.ts';
import svc403 from './svc403-both-back-ends.ts';
import svc404 from './svc404-orphan-chains.ts';
import svc405 from './svc405-stale-entry.ts';
import svc406 from './svc406-other-mode.ts';
import svc501 from './svc501-connections-arrive.ts';
import svc502 from './svc502-other-software.ts';
import svc601 from './svc601-proxy-running.ts';
import svc602 from './svc602-proxy-keeps-up.ts';
import svc603 from './svc603-proxy-writes.ts';
import svc604 from './svc604-same-back-end.ts';
import svc605 from './svc605-forwarding.ts';
import svc606 from './svc606-conntrack-room.ts';
import svc607 from './svc607-kernel-modules.ts';
import svc608 from './svc608-bridge-netfilter.ts';
import svc609 from './svc609-localhost-node-ports.ts';
import svc610 from './svc610-one-proxy.ts';

/** The catalogue, by id. Ids of retired checks stay listed in RETIRED and are never used again. */
export const CHECKS: readonly Check[] = [
  svc201,
  svc202,
  svc203,
  svc204,
  svc205,
  svc206,
  svc207,
  svc208,
  svc209,
  svc210,
  svc211,
  svc212,
  svc213,
  svc214,
  svc215,
  svc221,
  svc222,
  svc223,
  svc224,
  svc301,
  svc302,
  svc303,
  svc304,
  svc305,
  svc306,
  svc307,
  svc308,
  svc309,
  svc310,
  svc311,
  svc312,
  svc313,
  svc321,
  svc322,
  svc323,
  svc324,
  svc326,
  svc331,
  svc332,
  svc333,
  svc336,
  svc341,
  svc342,
  svc343,
  svc344,
  svc345,
  svc351,
  svc352,
  svc353,
  svc354,
  svc355,
  svc356,
  svc401,
  svc402,
  svc403,
  svc404,
  svc405,
  svc406,
  svc501,
  svc502,
  svc601,
  svc602,
  svc603,
  svc604,
  svc605,
  svc606,
  svc607,
  svc608,
  svc609,
  svc610,
];

export const RETIRED: readonly string[] = [];
