import { parseCorefile, zonesOf } from '../../model/corefile.ts';
import { type DnsAnswer, type DnsQuestion, serviceName } from '../../model/dns.ts';
import { ClusterError } from '../cluster/cluster-error.ts';
import { at, nameOf, namespaceOf, textOf } from '../cluster/json-value.ts';

/** The cluster's domain, and how it is known. */
export interface Zone {
  readonly zone: string;
  readonly zoneFrom: string;
}

/** What nearly every cluster has; believed only when a server has an answer in it. */
const USUAL = 'cluster.local';

/**
 * The cluster's domain: as the Corefile has it, else as a server names the address of a Service (PTR), else the usual one if
 * a server knows the API server's Service in it.
 * @throws ClusterError when nothing says it
 */
export async function findZone(
  corefile: string | null,
  services: readonly unknown[],
  ask: (questions: readonly DnsQuestion[]) => Promise<readonly DnsAnswer[]>,
): Promise<Zone> {
  const [configured] = corefile === null ? [] : zonesOf(parseCorefile(corefile) ?? []);
  if (configured !== undefined) return { zone: configured, zoneFrom: "the DNS servers' Corefile" };
  const known = services.flatMap(reverseOf).slice(0, 1);
  const probe: DnsQuestion = { name: serviceName('kubernetes', 'default', USUAL), type: 'A' };
  const [answer, reverse] = await ask([probe, ...known.map(({ question }) => question)]);
  const named = known.flatMap(({ start }) => zoneIn(reverse, start));
  const [zone] = named;
  if (zone !== undefined) return { zone, zoneFrom: "the DNS servers' name of a Service's address" };
  if ((answer?.response?.answers.length ?? 0) > 0) return { zone: USUAL, zoneFrom: `their answer for ${probe.name}` };
  const why = answer?.error ?? answer?.response?.rcode ?? 'no answer';
  throw new ClusterError(
    `the cluster's DNS domain is not known: no Corefile could be read, and ${probe.name} was answered with ${why}`,
    'kubectl -n kube-system get configmap coredns -o yaml',
  );
}

interface Reverse {
  readonly question: DnsQuestion;
  /** What the answer begins with: `hostnames.default.svc.` */
  readonly start: string;
}

function reverseOf(service: unknown): readonly Reverse[] {
  const ip = textOf(at(service, 'spec', 'clusterIP'));
  if (!/^\d+\.\d+\.\d+\.\d+$/.test(ip)) return [];
  const name = `${ip.split('.').toReversed().join('.')}.in-addr.arpa`;
  return [{ question: { name, type: 'PTR' }, start: `${nameOf(service)}.${namespaceOf(service)}.svc.` }];
}

function zoneIn(answer: DnsAnswer | undefined, start: string): readonly string[] {
  const names = (answer?.response?.answers ?? []).map(({ data }) => data.toLowerCase());
  return names.filter((name) => name.startsWith(start)).map((name) => name.slice(start.length));
}
