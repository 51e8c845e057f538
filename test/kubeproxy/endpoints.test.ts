import { describe, expect, test } from 'vitest';
import { usableEndpoints } from '../../src/kubeproxy/endpoints.ts';
import type { ProxySettings, UsableEndpoints } from '../../src/kubeproxy/expectation.ts';
import { printAddressPort } from '../../src/model/address.ts';
import type { Endpoint, Service } from '../../src/model/service.ts';
import { DRAINING, endpoint, ip, makePort, NODE, settingsOf, UNREADY } from './builders.ts';

/** What the node uses, in texts; `rejects`: the Service has no endpoints at all. */
interface Expected {
  readonly cluster: readonly string[];
  readonly local?: readonly string[];
  readonly reachable?: readonly string[];
  readonly rejects?: boolean;
}

interface Row {
  readonly name: string;
  readonly version?: string;
  readonly service?: Partial<Service>;
  readonly nodePort?: number;
  readonly settings?: Partial<ProxySettings>;
  readonly endpoints: readonly Endpoint[];
  readonly expected: Expected;
}

const here = { node: NODE };
const there = { node: 'rain-kubernetes-2' };
const LOCAL_A = endpoint('10.0.0.1:80', here);
const LOCAL_B = endpoint('10.0.0.2:80', here);
const REMOTE = endpoint('10.0.1.1:80', there);
const REMOTE_B = endpoint('10.0.1.2:80', there);
const INSIDE: Partial<Service> = { internalTrafficPolicy: 'Local' };
const OUTSIDE: Partial<Service> = { type: 'NodePort', externalTrafficPolicy: 'Local' };
const BOTH: Partial<Service> = { ...OUTSIDE, internalTrafficPolicy: 'Local' };

function hinted(text: string, zones: readonly string[], nodes: readonly string[] = []): Endpoint {
  return endpoint(text, { zoneHints: zones, nodeHints: nodes });
}

const Z0 = { zone: 'z0' };
const ANNOTATED = { annotations: new Map([['service.kubernetes.io/topology-aware-hints', 'Auto']]) };
const MODE = { annotations: new Map([['service.kubernetes.io/topology-mode', 'Auto']]) };

const ROWS: readonly Row[] = [
  { name: 'no endpoint at all', endpoints: [], expected: { cluster: [], rejects: true } },
  {
    name: 'byte order of ip:port, not of numbers',
    endpoints: ['10.0.0.2:80', '10.0.0.10:80', '10.0.0.100:80', '10.0.0.1:80', '10.0.0.1:443'].map((text) =>
      endpoint(text),
    ),
    expected: { cluster: ['10.0.0.100:80', '10.0.0.10:80', '10.0.0.1:443', '10.0.0.1:80', '10.0.0.2:80'] },
  },
  {
    name: 'unready ones are not used',
    endpoints: [LOCAL_A, endpoint('10.0.1.1:80', UNREADY)],
    expected: { cluster: ['10.0.0.1:80'] },
  },
  {
    name: 'ready decides, serving is not asked',
    endpoints: [endpoint('10.0.0.1:80', { serving: false })],
    expected: { cluster: ['10.0.0.1:80'] },
  },
  {
    name: 'only unready ones',
    endpoints: [endpoint('10.0.0.1:80', UNREADY)],
    expected: { cluster: [], rejects: true },
  },
  {
    name: 'terminating ones stand in when nothing else is left',
    endpoints: [endpoint('10.0.0.1:80', DRAINING), endpoint('10.0.1.1:80', UNREADY)],
    expected: { cluster: ['10.0.0.1:80'] },
  },
  {
    name: 'terminating ones are not used beside a ready one',
    endpoints: [endpoint('10.0.0.1:80', DRAINING), REMOTE],
    expected: { cluster: ['10.0.1.1:80'] },
  },
  {
    name: 'terminating and not serving is nothing',
    endpoints: [endpoint('10.0.0.1:80', { ready: false, serving: false, terminating: true })],
    expected: { cluster: [], rejects: true },
  },
  {
    name: '1.25 does not use terminating ones',
    version: '1.25',
    endpoints: [endpoint('10.0.0.1:80', DRAINING)],
    expected: { cluster: [], rejects: true },
  },
  {
    name: '1.26 uses them',
    version: '1.26',
    endpoints: [endpoint('10.0.0.1:80', DRAINING)],
    expected: { cluster: ['10.0.0.1:80'] },
  },
  {
    name: 'internal Local: only this node',
    service: INSIDE,
    endpoints: [LOCAL_A, REMOTE],
    expected: { cluster: [], local: ['10.0.0.1:80'], reachable: ['10.0.0.1:80'] },
  },
  {
    name: 'internal Local without a local one is not a Service without endpoints',
    service: INSIDE,
    endpoints: [REMOTE],
    expected: { cluster: [], local: [], reachable: [] },
  },
  {
    name: 'internal Local falls back to local terminating ones',
    service: INSIDE,
    endpoints: [endpoint('10.0.0.1:80', { ...DRAINING, ...here }), REMOTE],
    expected: { cluster: [], local: ['10.0.0.1:80'], reachable: ['10.0.0.1:80'] },
  },
  {
    name: 'internal Local with a node port uses both lists',
    service: { ...INSIDE, type: 'NodePort' },
    nodePort: 30000,
    endpoints: [LOCAL_A, REMOTE],
    expected: {
      cluster: ['10.0.0.1:80', '10.0.1.1:80'],
      local: ['10.0.0.1:80'],
      reachable: ['10.0.0.1:80', '10.0.1.1:80'],
    },
  },
  {
    name: 'external Local with a node port uses both lists',
    service: OUTSIDE,
    nodePort: 30000,
    endpoints: [LOCAL_B, LOCAL_A, REMOTE],
    expected: { cluster: ['10.0.0.1:80', '10.0.0.2:80', '10.0.1.1:80'], local: ['10.0.0.1:80', '10.0.0.2:80'] },
  },
  {
    name: 'external Local without any external address does not use the local list',
    service: { type: 'LoadBalancer', externalTrafficPolicy: 'Local' },
    endpoints: [LOCAL_A, REMOTE],
    expected: { cluster: ['10.0.0.1:80', '10.0.1.1:80'], local: [] },
  },
  {
    name: 'external Local falls back to the local terminating one while the cluster has ready ones',
    service: OUTSIDE,
    nodePort: 30000,
    endpoints: [endpoint('10.0.0.1:80', { ...DRAINING, ...here }), REMOTE],
    expected: { cluster: ['10.0.1.1:80'], local: ['10.0.0.1:80'], reachable: ['10.0.0.1:80', '10.0.1.1:80'] },
  },
  {
    name: 'both Local',
    service: BOTH,
    nodePort: 30000,
    endpoints: [LOCAL_A, REMOTE],
    expected: { cluster: ['10.0.0.1:80', '10.0.1.1:80'], local: ['10.0.0.1:80'] },
  },
  {
    name: 'an endpoint without a node is not local',
    service: INSIDE,
    endpoints: [endpoint('10.0.0.1:80')],
    expected: { cluster: [], local: [] },
  },
  {
    name: 'external Local on a ClusterIP Service with externalIPs, since 1.29',
    service: { externalTrafficPolicy: 'Local', externalIPs: [ip('198.51.100.9')] },
    endpoints: [LOCAL_A, REMOTE],
    version: '1.29',
    expected: { cluster: ['10.0.0.1:80', '10.0.1.1:80'], local: ['10.0.0.1:80'] },
  },
  {
    name: 'and not before',
    service: { externalTrafficPolicy: 'Local', externalIPs: [ip('198.51.100.9')] },
    endpoints: [LOCAL_A, REMOTE],
    version: '1.28',
    expected: { cluster: ['10.0.0.1:80', '10.0.1.1:80'], local: [] },
  },
  {
    name: 'ipMode Proxy is no external address',
    service: { ...OUTSIDE, type: 'LoadBalancer', loadBalancerIngress: [{ ip: ip('203.0.113.20'), ipMode: 'Proxy' }] },
    endpoints: [LOCAL_A, REMOTE],
    expected: { cluster: ['10.0.0.1:80', '10.0.1.1:80'], local: [] },
  },
  {
    name: 'ipMode Proxy is not known up to 1.29',
    service: { ...OUTSIDE, type: 'LoadBalancer', loadBalancerIngress: [{ ip: ip('203.0.113.20'), ipMode: 'Proxy' }] },
    version: '1.29',
    endpoints: [LOCAL_A, REMOTE],
    expected: { cluster: ['10.0.0.1:80', '10.0.1.1:80'], local: ['10.0.0.1:80'] },
  },
  {
    name: 'zone hints',
    settings: Z0,
    endpoints: [hinted('10.0.0.1:80', ['z0']), hinted('10.0.0.2:80', ['z1'])],
    expected: { cluster: ['10.0.0.1:80'] },
  },
  {
    name: 'zone hints with one endpoint without any are ignored',
    settings: Z0,
    endpoints: [hinted('10.0.0.1:80', ['z0']), hinted('10.0.0.2:80', [])],
    expected: { cluster: ['10.0.0.1:80', '10.0.0.2:80'] },
  },
  {
    name: 'an unready endpoint without hints does not spoil them',
    settings: Z0,
    endpoints: [hinted('10.0.0.1:80', ['z0']), hinted('10.0.0.2:80', ['z1']), endpoint('10.0.0.3:80', UNREADY)],
    expected: { cluster: ['10.0.0.1:80'] },
  },
  {
    name: 'zone hints without one for this zone are ignored',
    settings: { zone: 'z9' },
    endpoints: [hinted('10.0.0.1:80', ['z0']), hinted('10.0.0.2:80', ['z1'])],
    expected: { cluster: ['10.0.0.1:80', '10.0.0.2:80'] },
  },
  {
    name: 'a node without a zone ignores hints',
    endpoints: [hinted('10.0.0.1:80', ['z0']), hinted('10.0.0.2:80', ['z1'])],
    expected: { cluster: ['10.0.0.1:80', '10.0.0.2:80'] },
  },
  {
    name: 'one endpoint may be for several zones',
    settings: Z0,
    endpoints: [hinted('10.0.0.1:80', ['z1', 'z0']), hinted('10.0.0.2:80', ['z1'])],
    expected: { cluster: ['10.0.0.1:80'] },
  },
  {
    name: 'terminating fallback knows no topology',
    settings: Z0,
    endpoints: [
      endpoint('10.0.0.1:80', { ...DRAINING, zoneHints: ['z1'] }),
      endpoint('10.0.0.2:80', { ...DRAINING, zoneHints: ['z0'] }),
    ],
    expected: { cluster: ['10.0.0.1:80', '10.0.0.2:80'] },
  },
  {
    name: 'the local list knows no topology',
    service: OUTSIDE,
    nodePort: 30000,
    settings: Z0,
    endpoints: [
      endpoint('10.0.0.1:80', { ...here, zoneHints: ['z1'] }),
      endpoint('10.0.0.2:80', { zoneHints: ['z0'] }),
    ],
    expected: { cluster: ['10.0.0.2:80'], local: ['10.0.0.1:80'], reachable: ['10.0.0.1:80', '10.0.0.2:80'] },
  },
  {
    name: '1.30 wants the annotation',
    version: '1.30',
    settings: Z0,
    endpoints: [hinted('10.0.0.1:80', ['z0']), hinted('10.0.0.2:80', ['z1'])],
    expected: { cluster: ['10.0.0.1:80', '10.0.0.2:80'] },
  },
  {
    name: '1.30 takes either annotation',
    version: '1.30',
    service: MODE,
    settings: Z0,
    endpoints: [hinted('10.0.0.1:80', ['z0']), hinted('10.0.0.2:80', ['z1'])],
    expected: { cluster: ['10.0.0.1:80'] },
  },
  {
    name: '1.30 with the annotation Disabled',
    version: '1.30',
    service: { annotations: new Map([['service.kubernetes.io/topology-aware-hints', 'Disabled']]) },
    settings: Z0,
    endpoints: [hinted('10.0.0.1:80', ['z0']), hinted('10.0.0.2:80', ['z1'])],
    expected: { cluster: ['10.0.0.1:80', '10.0.0.2:80'] },
  },
  {
    name: '1.26 takes the old annotation only',
    version: '1.26',
    service: MODE,
    settings: Z0,
    endpoints: [hinted('10.0.0.1:80', ['z0']), hinted('10.0.0.2:80', ['z1'])],
    expected: { cluster: ['10.0.0.1:80', '10.0.0.2:80'] },
  },
  {
    name: '1.24 has the gate on',
    version: '1.24',
    service: ANNOTATED,
    settings: Z0,
    endpoints: [hinted('10.0.0.1:80', ['z0']), hinted('10.0.0.2:80', ['z1'])],
    expected: { cluster: ['10.0.0.1:80'] },
  },
  {
    name: '1.23 has it off',
    version: '1.23',
    service: ANNOTATED,
    settings: Z0,
    endpoints: [hinted('10.0.0.1:80', ['z0']), hinted('10.0.0.2:80', ['z1'])],
    expected: { cluster: ['10.0.0.1:80', '10.0.0.2:80'] },
  },
  {
    name: 'node hints go before zone hints',
    settings: Z0,
    endpoints: [hinted('10.0.0.1:80', ['z0'], ['other']), hinted('10.0.0.2:80', ['z0'], [NODE])],
    expected: { cluster: ['10.0.0.2:80'] },
  },
  {
    name: 'node hints for other nodes only leave the zone to decide',
    settings: Z0,
    endpoints: [hinted('10.0.0.1:80', ['z0'], ['other']), hinted('10.0.0.2:80', ['z1'], ['third'])],
    expected: { cluster: ['10.0.0.1:80'] },
  },
  {
    name: '1.33 does not read node hints',
    version: '1.33',
    endpoints: [hinted('10.0.0.1:80', [], ['other']), hinted('10.0.0.2:80', [], [NODE])],
    expected: { cluster: ['10.0.0.1:80', '10.0.0.2:80'] },
  },
  {
    name: 'the same address in two slices counts once',
    endpoints: [endpoint('10.0.0.1:80'), endpoint('10.0.0.1:80', { slice: 'web-2' })],
    expected: { cluster: ['10.0.0.1:80'] },
  },
  {
    name: 'of two the local one counts',
    version: '1.35',
    service: INSIDE,
    endpoints: [endpoint('10.0.0.1:80', there), endpoint('10.0.0.1:80', here)],
    expected: { cluster: [], local: ['10.0.0.1:80'] },
  },
  {
    name: 'since 1.36 the running one counts',
    version: '1.36',
    endpoints: [endpoint('10.0.0.1:80', DRAINING), endpoint('10.0.0.1:80', { slice: 'web-2' }), REMOTE],
    expected: { cluster: ['10.0.0.1:80', '10.0.1.1:80'] },
  },
  {
    name: '1.22: internal Local reduces the whole list',
    version: '1.22.17',
    service: INSIDE,
    endpoints: [LOCAL_A, REMOTE],
    expected: { cluster: ['10.0.0.1:80'], local: [] },
  },
  {
    name: '1.22: internal Local without a local one rejects',
    version: '1.22.17',
    service: INSIDE,
    endpoints: [REMOTE],
    expected: { cluster: [], rejects: true },
  },
  {
    name: '1.22: both Local reduces nothing',
    version: '1.22.17',
    service: BOTH,
    nodePort: 30000,
    endpoints: [LOCAL_A, REMOTE],
    expected: { cluster: ['10.0.0.1:80', '10.0.1.1:80'], local: ['10.0.0.1:80'] },
  },
  {
    name: '1.21 does not know internal Local',
    version: '1.21',
    service: INSIDE,
    endpoints: [LOCAL_A, REMOTE],
    expected: { cluster: ['10.0.0.1:80', '10.0.1.1:80'], local: [] },
  },
  {
    name: '1.22: terminating ones are nothing',
    version: '1.22.17',
    service: OUTSIDE,
    nodePort: 30000,
    endpoints: [endpoint('10.0.0.1:80', { ...DRAINING, ...here })],
    expected: { cluster: [], local: [], rejects: true },
  },
  {
    name: '1.20: external Local with remote ones only',
    version: '1.20.15',
    service: OUTSIDE,
    nodePort: 30000,
    endpoints: [REMOTE, REMOTE_B],
    expected: { cluster: ['10.0.1.1:80', '10.0.1.2:80'], local: [] },
  },
];

function texts(endpoints: readonly Endpoint[]): readonly string[] {
  return endpoints.map((one) => printAddressPort(one.ip, one.port));
}

function printed(usable: UsableEndpoints): Expected {
  return {
    cluster: texts(usable.cluster),
    local: texts(usable.local),
    reachable: texts(usable.reachable),
    rejects: !usable.hasEndpoints,
  };
}

describe('usable endpoints', () => {
  test.each(ROWS)('$name', ({ version = '1.37.2', service, nodePort = 0, settings, endpoints, expected }) => {
    const port = makePort(service, nodePort);
    const usable = printed(usableEndpoints(port, endpoints, settingsOf(version, settings)));
    const wanted = { local: [], reachable: usable.reachable, rejects: false, ...expected };
    expect(usable).toEqual(wanted);
    expect(new Set(usable.reachable)).toEqual(new Set([...usable.cluster, ...(usable.local ?? [])]));
    // The order of slices means nothing.
    expect(printed(usableEndpoints(port, endpoints.toReversed(), settingsOf(version, settings)))).toEqual(wanted);
  });
});
