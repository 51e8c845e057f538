import type { Cluster, Service, ServicePort } from '../model/service.ts';

/** What was asked about. */
export interface Selection {
  /** null: all namespaces. */
  readonly namespace: string | null;
  /** Empty: all Services. `port`: name or number of a port, null: all of the Service. */
  readonly wanted: readonly { readonly name: string; readonly port: string | null }[];
  /** Label selector, of which only equality is understood offline. */
  readonly selector: string | null;
}

export interface SelectedService {
  readonly service: Service;
  /** Of those that have an address in a family. */
  readonly ports: readonly ServicePort[];
}

/** A Service or port that was asked for is not in the evidence. */
export class UnknownServiceInSnapshot extends Error {
  override readonly name = 'UnknownServiceInSnapshot';
  readonly suggestion: string;

  constructor(message: string, suggestion: string) {
    super(message);
    this.suggestion = suggestion;
  }
}

/** A node that was asked for is not in the cluster. */
export class UnknownNode extends Error {
  override readonly name = 'UnknownNode';
  readonly suggestion: string;

  constructor(wanted: string, nodes: readonly string[]) {
    super(`nodes "${wanted}" not found`);
    this.suggestion = nodes.length === 0 ? 'There are no nodes.' : `Nodes: ${nodes.join(', ')}`;
  }
}

/** @throws UnknownServiceInSnapshot */
export function selectServices(cluster: Cluster, selection: Selection): readonly SelectedService[] {
  const inNamespace = cluster.services.filter(
    (service) => selection.namespace === null || service.namespace === selection.namespace,
  );
  const portsOf = Map.groupBy(cluster.servicePorts, (port) => port.service);
  if (selection.wanted.length === 0) {
    const labelled = inNamespace.filter(selectorMatcher(selection.selector));
    return labelled.map((service) => ({ service, ports: portsOf.get(service) ?? [] }));
  }
  const wanted = selection.wanted.map((want) => {
    const service = inNamespace.find((candidate) => candidate.name === want.name);
    if (service === undefined) throw unknownService(want.name, selection, inNamespace);
    return { service, ports: (portsOf.get(service) ?? []).filter(portMatcher(service, want.port)) };
  });
  const merged = Map.groupBy(wanted, (entry) => entry.service);
  return [...merged].map(([service, entries]) => ({
    service,
    ports: [...new Set(entries.flatMap((entry) => entry.ports))],
  }));
}

function portMatcher(service: Service, wanted: string | null): (port: ServicePort) => boolean {
  if (wanted === null) return () => true;
  const matches = (port: { readonly name: string; readonly port: number }): boolean =>
    port.name === wanted || String(port.port) === wanted;
  if (!service.ports.some(matches)) {
    const names = service.ports.map((port) => (port.name === '' ? String(port.port) : port.name)).join(', ');
    throw new UnknownServiceInSnapshot(
      `service "${service.name}" has no port "${wanted}"`,
      `Its ports: ${names === '' ? 'none' : names}`,
    );
  }
  return (port) => matches({ name: port.portName, port: port.port });
}

function unknownService(name: string, selection: Selection, services: readonly Service[]): UnknownServiceInSnapshot {
  const where = selection.namespace === null ? 'the evidence' : `namespace "${selection.namespace}" of the evidence`;
  const near = services.map((service) => service.name).filter((candidate) => isNear(candidate, name));
  const hint = near.length === 0 ? '' : `; did you mean ${near.map((candidate) => `"${candidate}"`).join(' or ')}?`;
  const names = services
    .map((service) => service.name)
    .slice(0, 10)
    .join(', ');
  return new UnknownServiceInSnapshot(
    `services "${name}" not found in ${where}${hint}`,
    names === '' ? 'The evidence has no Service in this namespace: use -n or -A.' : `The evidence has: ${names}`,
  );
}

/** One is the start of the other, or two letters apart. */
function isNear(candidate: string, wanted: string): boolean {
  return candidate.startsWith(wanted) || wanted.startsWith(candidate) || distance(candidate, wanted) <= 2;
}

function distance(a: string, b: string): number {
  let previous = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let row = 1; row <= a.length; row++) {
    const current = [row];
    for (let column = 1; column <= b.length; column++) {
      const substitution = (previous[column - 1] ?? 0) + (a[row - 1] === b[column - 1] ? 0 : 1);
      current[column] = Math.min(substitution, (previous[column] ?? 0) + 1, (current[column - 1] ?? 0) + 1);
    }
    previous = current;
  }
  return previous[b.length] ?? 0;
}

/** Equality terms of a label selector; set-based ones are for the API server, which has applied them already. */
function selectorMatcher(selector: string | null): (service: Service) => boolean {
  if (selector === null || /[()]/.test(selector)) return () => true;
  const terms = selector.split(',').map((term) => /^\s*([^=!\s]+)\s*(==?|!=)\s*(\S*)\s*$/.exec(term));
  return (service) =>
    terms.every((term) => {
      if (term === null) return true;
      const [, key = '', operator, value] = term;
      return (service.labels.get(key) === value) === (operator !== '!=');
    });
}
