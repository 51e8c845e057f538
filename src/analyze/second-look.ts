import { isObject, itemsOf } from '../model/decode.ts';
import type { Report } from '../model/report.ts';
import type { ClusterFile, Snapshot } from '../model/snapshot.ts';
import type { Hit } from '../checks/run.ts';

/**
 * API and nodes cannot be read at the same moment: a difference between them may be a change on its way. What a live run
 * finds is therefore looked at a second time, a few seconds later, and stands only if it cannot be such a change.
 */

/** `settled`: gone at the second look. `open`: different again, of objects that keep changing: nobody can tell. */
export type Change = 'settled' | 'open';

/** By {@link changeKey}. */
export type Changes = ReadonlyMap<string, Change>;

export function changeKey(code: string, servicePort: string, node: string): string {
  return `${code} ${servicePort} ${node}`;
}

/** The nodes with findings in their rules; empty: nothing could be a change on its way. */
export function nodesToLookAtAgain(report: Report): readonly string[] {
  const nodes = report.findings.filter(({ severity }) => severity !== 'info').flatMap((finding) => finding.nodes);
  return [...new Set(nodes)].toSorted();
}

/**
 * The second look's snapshot, completed by what the first one had of the nodes that were not read again: how kube-proxy
 * is set up is told from all of them.
 */
export function completedBy(second: Snapshot, first: Snapshot): Snapshot {
  const again = new Map(second.nodes.map((node) => [node.name, node]));
  const manifests = new Map((second.manifest?.nodes ?? []).map((node) => [node.name, node]));
  return {
    cluster: second.cluster,
    nodes: first.nodes.map((node) => again.get(node.name) ?? node),
    manifest:
      second.manifest === null || first.manifest === null
        ? second.manifest
        : { ...second.manifest, nodes: first.manifest.nodes.map((node) => manifests.get(node.name) ?? node) },
  };
}

/** One look: what was read, and what was found in it. */
export interface Look {
  readonly snapshot: Snapshot;
  readonly report: Report;
}

/**
 * Of the first look's findings those that do not stand. One that is there again stands if the objects of its Service are
 * still those of the first look, so that kube-proxy has had all the time in between; or if the node's rules are still the
 * same although the objects changed: a kube-proxy that lives would have followed.
 */
export function changesBetween(first: Look, second: Look): Changes {
  const again = new Set(second.report.findings.flatMap(keysOf));
  const unread = new Set(
    second.report.coverage.nodes.filter(({ reason }) => reason !== undefined).map(({ name }) => name),
  );
  const changes = new Map<string, Change>();
  for (const finding of first.report.findings) {
    // What could not be looked at again stands as it was found.
    for (const node of finding.nodes.filter((name) => !unread.has(name))) {
      for (const port of finding.servicePorts) {
        const key = changeKey(finding.code, port, node);
        if (!again.has(key)) changes.set(key, 'settled');
        else if (!sameObjects(port, first, second) && !sameRules(node, first, second)) changes.set(key, 'open');
      }
    }
  }
  return changes;
}

function keysOf({ code, servicePorts, nodes }: Report['findings'][number]): readonly string[] {
  return nodes.flatMap((node) => servicePorts.map((port) => changeKey(code, port, node)));
}

function sameObjects(servicePort: string, first: Look, second: Look): boolean {
  const service = servicePort.replace(/:[^/]*$/, '');
  return versionsOf(service, first.snapshot) === versionsOf(service, second.snapshot);
}

/** Kinds kube-proxy makes rules of, and the label by which they belong to a Service. */
const KINDS: readonly ClusterFile[] = ['services', 'endpointslices', 'endpoints'];
const SERVICE_LABEL = 'kubernetes.io/service-name';

/** Names and versions of everything of a Service, as one text. */
function versionsOf(service: string, { cluster }: Snapshot): string {
  return KINDS.flatMap((file) =>
    (cluster.has(file) ? itemsOf(file, cluster.get(file)) : []).flatMap((item) => versionOf(item, service)),
  )
    .toSorted()
    .join('\n');
}

function versionOf(item: unknown, service: string): readonly string[] {
  const metadata = isObject(item) ? item['metadata'] : null;
  if (!isObject(metadata)) return [];
  const { namespace, name, resourceVersion, labels } = metadata;
  const owner = isObject(labels) ? (labels[SERVICE_LABEL] ?? name) : name;
  return `${String(namespace)}/${String(owner)}` === service ? [`${String(name)} ${String(resourceVersion)}`] : [];
}

function sameRules(node: string, first: Look, second: Look): boolean {
  return rulesOf(node, first.snapshot) === rulesOf(node, second.snapshot);
}

/** All saves of a node without what changes by itself: counters and times. */
function rulesOf(name: string, { nodes }: Snapshot): string {
  const files = [...(nodes.find((node) => node.name === name)?.files ?? [])];
  return files
    .filter(([file]) => file.endsWith('-save'))
    .map(([file, text]) => `${file}\n${text.replaceAll(/^#.*$|\[\d+:\d+\]/gm, '')}`)
    .toSorted()
    .join('\n');
}

/** The hits that stand, and those nobody can tell. */
export function separate(
  hits: readonly Hit[],
  changes: Changes,
): { readonly standing: readonly Hit[]; readonly open: readonly OpenHit[] } {
  const open: OpenHit[] = [];
  const standing = hits.flatMap((hit): readonly Hit[] => {
    if (hit.scope === 'service') return [hit];
    const views = hit.scope === 'node' ? hit.ports : [hit.view];
    const kept = views.filter((view) => {
      const change = changes.get(changeKey(hit.check.id, view.port.id, view.on.node));
      if (change === 'open') open.push({ check: hit.check, view, because: KEEPS_CHANGING });
      return change === undefined;
    });
    if (hit.scope === 'node') return views.length > 0 && kept.length === 0 ? [] : [{ ...hit, ports: kept }];
    return kept.length === 0 ? [] : [hit];
  });
  return { standing, open };
}

type PortHit = Extract<Hit, { readonly scope: 'service-port' }>;

export interface OpenHit {
  readonly check: Hit['check'];
  readonly view: PortHit['view'];
  readonly because: string;
}

const KEEPS_CHANGING =
  'its endpoints change faster than they can be read: the rules differ at every look, each time otherwise';
