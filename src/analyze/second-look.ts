import { CHECKS } from '../checks/index.ts';
import type { Hit, OpenServiceQuestion } from '../checks/run.ts';
import { readProxyObjects } from '../kubeproxy/proxy-objects.ts';
import { DNS_TYPES, serviceName } from '../model/dns.ts';
import { objectVersions, ruleSources } from '../model/object-version.ts';
import { parseDns } from '../model/parse-dns.ts';
import type { Report } from '../model/report.ts';
import type { Snapshot } from '../model/snapshot.ts';

/**
 * API and nodes cannot be read at the same moment: a difference between them may be a change on its way. What a live run
 * finds is therefore looked at a second time, a few seconds later, and stands only if it cannot be such a change. Where
 * there was one look only, what differs of an object that changed meanwhile is in flight: nobody can tell.
 */

/**
 * `settled`: gone at the second look. `open`: different again, of objects that keep changing. `in-flight`: its objects changed
 * while the nodes were read, and nobody looked again.
 */
export type Change = 'settled' | 'open' | 'in-flight';

/** What is known of a finding; `node` '' for one about a Service alone. null: it stands. */
export type Changes = (code: string, subject: string, node: string) => Change | null;

/** Everything stands. */
export const NO_CHANGES: Changes = () => null;

/** What one look tells by itself: findings about Services whose objects changed before all nodes were read are in flight. */
export function inFlight({ manifest }: Snapshot): Changes {
  const changed = new Set(manifest?.again?.changed.map(({ service }) => service));
  if (changed.size === 0) return NO_CHANGES;
  return (code, subject, node) =>
    (node !== '' || LASTING.has(code)) && changed.has(serviceOf(subject)) ? 'in-flight' : null;
}

/** Where a second look is due. */
export interface LookAgain {
  /** With findings in their rules. */
  readonly nodes: readonly string[];
  /** Something was found that is not in rules, but compares what changes at different moments. */
  readonly services: boolean;
}

/** null: nothing that was found could be a change on its way. */
export function dueAgain(report: Report): LookAgain | null {
  const findings = report.findings.filter(({ severity }) => severity !== 'info');
  const nodes = [...new Set(findings.flatMap((finding) => finding.nodes))].toSorted();
  const services = findings.some(({ code, nodes: on }) => on.length === 0 && LASTING.has(code));
  return nodes.length > 0 || services ? { nodes, services } : null;
}

/** Checks of Services whose faults must last. */
const LASTING: ReadonlySet<string> = new Set(
  CHECKS.filter((check) => check.scope === 'service' && check.lasting === true).map(({ id }) => id),
);

/** How long kube-proxy may wait by default after one sync before the next (`iptables.minSyncPeriod`), in milliseconds. */
const USUAL_SYNC_PERIOD = 1000;
/** What a sync itself takes, at most, where it is not a very large one. */
const SYNC = 2000;
const LONGEST_SETTLE = 60_000;

/**
 * Milliseconds after which a kube-proxy that is well has written what the API server told it; with `services`, also after
 * which DNS gives no answer any more that was right before.
 */
export function settleTime(cluster: Snapshot['cluster'], services = false): number {
  const { config } = readProxyObjects(cluster.get('kube-proxy'));
  const proxy = Math.max(USUAL_SYNC_PERIOD, config?.minSyncPeriodMs ?? 0) + SYNC;
  const kept = services ? (parseDns(cluster, [])?.keptFor ?? 0) : 0;
  return Math.min(LONGEST_SETTLE, Math.max(proxy, kept * 1000));
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
 * still those of the first look, and were until the nodes had been read, so that kube-proxy has had all the time in between;
 * or if the node's rules are still the same although the objects changed: a kube-proxy that lives would have followed.
 */
export function changesBetween(first: Look, second: Look): Changes {
  const again = new Set(second.report.findings.flatMap(keysOf));
  const unread = new Set(
    second.report.coverage.nodes.filter(({ reason }) => reason !== undefined).map(({ name }) => name),
  );
  const moving = inFlight(second.snapshot);
  const changes = new Map<string, Change>();
  for (const finding of first.report.findings) {
    for (const { code, subject, node } of subjectsOf(finding)) {
      // What could not be looked at again stands as it was found.
      if (unread.has(node)) continue;
      const key = keyOf(code, subject, node);
      if (!again.has(key)) changes.set(key, isGone(subject, node) ? 'settled' : 'open');
      else if (!isStill(code, subject, node)) changes.set(key, 'open');
    }
  }
  return (code, subject, node) => changes.get(keyOf(code, subject, node)) ?? null;

  /** DNS that was asked, and is silent the second time, does not say that all is well. */
  function isGone(subject: string, node: string): boolean {
    const [before, after] = [first, second].map(({ report }) => report.services.find((one) => nameOf(one) === subject));
    return node !== '' || before?.dns === undefined || after?.dns === 'ok' || after?.dns === 'failed';
  }

  function isStill(code: string, subject: string, node: string): boolean {
    const isMoving = moving(code, subject, node) !== null;
    if (!isMoving && sameObjects(subject, first, second)) return true;
    return node === '' ? sameAnswers(subject, first, second) : sameRules(node, first, second);
  }
}

/** Milliseconds a node that is busy, and well, may need to follow a change; nobody waits so long unless there was one. */
const YOUNG = 10_000;

/** A third look: where, and after how many milliseconds. */
export interface ThirdLook {
  readonly nodes: readonly string[];
  readonly waitMs: number;
}

/**
 * Of what stands after the second look: whether some of it is about objects that were written only just before, or keep
 * being written. A kube-proxy that gets little time may still be on its way to them; one that is dead is so later, too.
 */
export function thirdLook(second: Look, changes: Changes): ThirdLook | null {
  const again = second.snapshot.manifest?.again;
  const ages = new Map(again?.recent.map(({ service, at }) => [service, Date.parse(again.readAt) - Date.parse(at)]));
  const young = second.report.findings.flatMap(subjectsOf).filter(({ code, subject, node }) => {
    const isStanding = node !== '' && changes(code, subject, node) === null;
    return isStanding && (ages.get(serviceOf(subject)) ?? YOUNG) < YOUNG;
  });
  if (young.length === 0) return null;
  const age = Math.max(0, Math.min(...young.map(({ subject }) => ages.get(serviceOf(subject)) ?? YOUNG)));
  return { nodes: [...new Set(young.map(({ node }) => node))].toSorted(), waitMs: YOUNG - age };
}

/** What two pairs of looks tell together: what the earlier one left standing, the later one may still explain. */
export function eitherOf(earlier: Changes, later: Changes): Changes {
  return (code, subject, node) => earlier(code, subject, node) ?? later(code, subject, node);
}

interface Subject {
  readonly code: string;
  /** A Service port, or a Service for what is about none of its ports. */
  readonly subject: string;
  readonly node: string;
}

function keyOf(code: string, subject: string, node: string): string {
  return `${code} ${subject} ${node}`;
}

function subjectsOf({ code, services, servicePorts, nodes }: Report['findings'][number]): readonly Subject[] {
  if (nodes.length === 0) {
    // Of Services nothing is looked at again but what must last.
    return LASTING.has(code) ? services.map((subject) => ({ code, subject, node: '' })) : [];
  }
  return nodes.flatMap((node) => servicePorts.map((subject) => ({ code, subject, node })));
}

function keysOf(finding: Report['findings'][number]): readonly string[] {
  return subjectsOf(finding).map(({ code, subject, node }) => keyOf(code, subject, node));
}

/** `namespace/name` of a Service port's id, which has `:portName` behind it where the port has a name. */
function serviceOf(servicePort: string): string {
  return servicePort.replace(/:[^/]*$/, '');
}

function nameOf({ namespace, name }: Report['services'][number]): string {
  return `${namespace}/${name}`;
}

function sameObjects(servicePort: string, first: Look, second: Look): boolean {
  const service = serviceOf(servicePort);
  return versionsOf(service, first.snapshot) === versionsOf(service, second.snapshot);
}

/** Names and versions of everything of a Service, as one text. */
function versionsOf(service: string, { cluster }: Snapshot): string {
  return ruleSources(cluster)
    .flatMap((file) => objectVersions(file, cluster.get(file)))
    .filter((object) => object.service === service)
    .map(({ file, name, resourceVersion }) => `${file} ${name} ${resourceVersion}`)
    .toSorted()
    .join('\n');
}

function sameRules(node: string, first: Look, second: Look): boolean {
  return rulesOf(node, first.snapshot) === rulesOf(node, second.snapshot);
}

/** DNS says what it said before; false also where nobody was asked. */
function sameAnswers(service: string, first: Look, second: Look): boolean {
  const answers = dnsAnswers(service, first.snapshot);
  return answers !== null && answers === dnsAnswers(service, second.snapshot);
}

/** What DNS answers for a Service's name, without what changes by itself; null: nobody asked. */
function dnsAnswers(service: string, { cluster }: Snapshot): string | null {
  const dns = parseDns(cluster, []);
  const [namespace = '', name = ''] = service.split('/');
  if (dns === null) return null;
  const answers = DNS_TYPES.flatMap((type) => dns.answersTo({ name: serviceName(name, namespace, dns.zone), type }));
  const lines = answers.map(({ server, type, response }) => {
    const data = (response?.answers ?? []).map((record) => record.data);
    return [server, type, response?.rcode, ...data.toSorted()].join(' ');
  });
  return lines.length === 0 ? null : lines.toSorted().join('\n');
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

export interface Separated {
  readonly standing: readonly Hit[];
  readonly open: readonly OpenHit[];
  readonly openServices: readonly OpenServiceQuestion[];
}

/** The hits that stand, and those nobody can tell. */
export function separate(hits: readonly Hit[], changes: Changes): Separated {
  const open: OpenHit[] = [];
  const openServices: OpenServiceQuestion[] = [];
  const standing = hits.flatMap((hit): readonly Hit[] => {
    if (hit.scope === 'service') {
      const { check, service } = hit;
      const change = changes(check.id, `${service.service.namespace}/${service.service.name}`, '');
      if (change === 'open' || change === 'in-flight')
        openServices.push({ check, service, because: SERVICE_BECAUSE[change] });
      return change === null ? [hit] : [];
    }
    const views = hit.scope === 'node' ? hit.ports : [hit.view];
    const kept = views.filter((view) => {
      const change = changes(hit.check.id, view.port.id, view.on.node);
      if (change === 'open' || change === 'in-flight')
        open.push({ check: hit.check, view, change, because: BECAUSE[change] });
      return change === null;
    });
    if (hit.scope === 'node') return views.length > 0 && kept.length === 0 ? [] : [{ ...hit, ports: kept }];
    return kept.length === 0 ? [] : [hit];
  });
  return { standing, open, openServices };
}

type PortHit = Extract<Hit, { readonly scope: 'service-port' }>;

export interface OpenHit {
  readonly check: Hit['check'];
  readonly view: PortHit['view'];
  readonly change: Exclude<Change, 'settled'>;
  readonly because: string;
}

const BECAUSE: Readonly<Record<OpenHit['change'], string>> = {
  open: 'its endpoints change faster than they can be read: the rules differ at every look, each time otherwise',
  'in-flight': 'in flight: its objects changed while the nodes were read, and the rules differ from the older ones',
};

const SERVICE_BECAUSE: Readonly<Record<OpenHit['change'], string>> = {
  open: 'a second look did not confirm what differs: it changes faster than it can be asked about, or nobody answered',
  'in-flight': 'in flight: it changed while the evidence was gathered',
};
