/** A cluster of the size the goals speak of, and the rules kube-proxy would have written for it: by the program's own expectation. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { assemble, programmedPorts } from '../../src/kubeproxy/assemble.ts';
import { endpointsFor } from '../../src/kubeproxy/endpoints.ts';
import { expectNode } from '../../src/kubeproxy/expect-node.ts';
import { expectServicePort } from '../../src/kubeproxy/expect-service-port.ts';
import { parseCluster } from '../../src/model/parse-cluster.ts';
import type { ClusterFile } from '../../src/model/snapshot.ts';
import { printRuleset } from '../../src/netfilter/print.ts';
import { list, node, service, settings, slice } from '../build.ts';

export interface Size {
  readonly services: number;
  readonly endpoints: number;
  /** Names of nodes; the rules of the first are written. */
  readonly nodes: readonly string[];
  /** kube-proxy leaves most comments out above 1,000 endpoints. */
  readonly comments: boolean;
}

const NODE = 'rain-kubernetes-1';

/** Writes a snapshot folder; returns the save's text. */
export function writeLargeCluster(folder: string, size: Size): string {
  const cluster = new Map<ClusterFile, unknown>([
    ['services', list('Service', range(size.services).map(serviceAt))],
    [
      'endpointslices',
      list(
        'EndpointSlice',
        range(size.services).map((index) => sliceAt(index, size.endpoints)),
      ),
    ],
    ['nodes', list('Node', size.nodes.map(node))],
  ]);
  mkdirSync(join(folder, 'cluster'), { recursive: true });
  for (const [file, value] of cluster) writeFileSync(join(folder, 'cluster', `${file}.json`), JSON.stringify(value));
  const text = rulesFor(cluster, size.comments);
  mkdirSync(join(folder, 'nodes', NODE), { recursive: true });
  writeFileSync(join(folder, 'nodes', NODE, 'iptables-nft-save'), text);
  return text;
}

function rulesFor(raw: ReadonlyMap<ClusterFile, unknown>, comments: boolean): string {
  const cluster = parseCluster(raw);
  const proxy = settings(NODE, 'IPv4');
  const totalEndpoints = comments ? null : Number.MAX_SAFE_INTEGER;
  const ports = programmedPorts(cluster, proxy).map((port) =>
    expectServicePort(port, endpointsFor(cluster, port, proxy), proxy, { totalEndpoints }),
  );
  return printRuleset(assemble(expectNode(proxy), ports, 'IPv4'));
}

function range(length: number): readonly number[] {
  return Array.from({ length }, (_, index) => index);
}

function serviceAt(index: number): unknown {
  const clusterIP = `10.${96 + Math.floor(index / 62_500)}.${Math.floor(index / 250) % 250}.${(index % 250) + 1}`;
  const spec = {
    clusterIP,
    selector: { app: `app-${index}` },
    ports: [{ name: 'http', port: 80, protocol: 'TCP', targetPort: 8080 }],
  };
  return service({ name: `service-${index}`, spec });
}

function sliceAt(index: number, endpoints: number): unknown {
  return slice({
    service: `service-${index}`,
    port: 8080,
    endpoints: range(endpoints).map((number) => {
      const pod = index * endpoints + number;
      return [`10.${168 + Math.floor(pod / 62_500)}.${Math.floor(pod / 250) % 250}.${(pod % 250) + 1}`, NODE] as const;
    }),
  });
}
