import { describe, expect, test } from 'vitest';
import { walk } from '../../src/netfilter/walk.ts';
import { ip, nodeAt, packetOf, recording, told } from './walk-world.ts';

const CLUSTERS = [
  ['hostnames-1.20-iptables-legacy', 'legacy'],
  ['hostnames-1.22-iptables-legacy', 'legacy'],
  ['hostnames-1.24-iptables-nft', 'nft'],
  ['hostnames-1.28-iptables-legacy', 'legacy'],
  ['hostnames-1.37-iptables-nft', 'nft'],
] as const;

const NODES = [
  ['rain-kubernetes-1', '172.31.0.11'],
  ['rain-kubernetes-2', '172.31.0.12'],
  ['rain-kubernetes-3', '172.31.0.13'],
] as const;

const CASES = CLUSTERS.flatMap(([cluster, backend]) =>
  NODES.map(([node, address]) => ({ cluster, node, address, backend })),
);

const SERVICE = { destination: ip('10.111.231.44'), destinationPort: 80 };
const ENDPOINTS = ['10.168.0.10', '10.168.1.12', '10.168.2.21'];

function thirds(suffix: string): readonly string[] {
  return ENDPOINTS.map((endpoint) => `0.3333 delivered ${endpoint}:9376${suffix}`);
}

describe.each(CASES)('in the rules of $cluster on $node', ({ cluster, node, address, backend }) => {
  const other = backend === 'nft' ? 'legacy' : 'nft';
  const rulesets = [backend, other].map((each) => recording(cluster, node, `iptables-${each}-save`));
  const context = nodeAt(address);

  test('a pod reaches each endpoint through the cluster IP with a third, as itself', () => {
    const packet = packetOf({ source: ip('10.168.0.99'), ...SERVICE });
    expect(told(walk(rulesets, packet, context, { origin: 'forwarded' }))).toEqual(thirds(''));
  });

  test('a stranger reaches each endpoint through the node port with a third, masqueraded', () => {
    const packet = packetOf({ destination: ip(address), destinationPort: 30_000 });
    expect(told(walk(rulesets, packet, context, { origin: 'forwarded' }))).toEqual(thirds(' masqueraded'));
  });

  test('the node itself reaches each endpoint through the cluster IP, masqueraded', () => {
    const packet = packetOf({ source: ip(address), ...SERVICE });
    expect(told(walk(rulesets, packet, context, { origin: 'local' }))).toEqual(thirds(' masqueraded'));
  });

  test('an endpoint that reaches itself is masqueraded, and only then', () => {
    const packet = packetOf({ source: ip('10.168.1.12'), ...SERVICE });
    const result = walk(rulesets, packet, context, { origin: 'forwarded' });
    expect(result.outcomes.map(({ destination, masqueraded }) => [destination, masqueraded])).toEqual(
      ENDPOINTS.map((endpoint) => [endpoint, endpoint === '10.168.1.12']),
    );
  });

  test('a port nobody offers is let through untranslated', () => {
    const packet = packetOf({ source: ip('10.168.0.99'), destination: SERVICE.destination, destinationPort: 81 });
    expect(told(walk(rulesets, packet, context, { origin: 'forwarded' }))).toEqual([
      '1.0000 untranslated 10.111.231.44:81',
    ]);
  });

  test('every walk is certain', () => {
    const packet = packetOf({ destination: ip(address), destinationPort: 30_000 });
    const { outcomes } = walk(rulesets, packet, context, { origin: 'forwarded' });
    for (const { share, atLeast, atMost } of outcomes) expect([atLeast, atMost]).toEqual([share, share]);
  });
});
