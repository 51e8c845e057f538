import type { ProxySettings } from '../kubeproxy/expectation.ts';
import { compareVersions, printVersion, rangeOf } from '../kubeproxy/version.ts';
import type { NodeView, World } from '../checks/world.ts';
import type { AttemptView, Coverage, NodeCoverage, SettingView } from '../model/report.ts';
import { dnsUnavailable } from '../model/parse-dns.ts';
import type { Attempt, NodeManifest, Snapshot, SnapshotManifest } from '../model/snapshot.ts';
import type { Capture } from './capture.ts';
import { settingsView } from './settings-view.ts';

/** What was looked at, and what was not and why. Absence of findings on an unread node must be visible. */
export function coverageOf(snapshot: Snapshot, world: World, captures: ReadonlyMap<string, Capture>): Coverage {
  const manifests = new Map((snapshot.manifest?.nodes ?? []).map((node) => [node.name, node]));
  return {
    nodes: world.nodes.map((node) =>
      nodeCoverage(node, manifests.get(node.name) ?? null, captures.get(node.name) ?? null),
    ),
    ...dnsAsked(snapshot, world),
    missing: missingParts(snapshot),
    ...changedMeanwhile(snapshot),
  };
}

function dnsAsked({ cluster }: Snapshot, { cluster: { dns }, services }: World): Pick<Coverage, 'dns'> {
  const reason = dnsUnavailable(cluster);
  if (reason !== null) return { dns: { servers: [], reason } };
  if (dns === null) return {};
  const unasked = services.filter(({ service }) => dns.isUnasked(`${service.namespace}/${service.name}`)).length;
  return { dns: { servers: dns.servers, zone: dns.zone, ...(unasked === 0 ? {} : { unasked }) } };
}

function missingParts({ manifest }: Snapshot): Coverage['missing'] {
  const parts = (manifest?.parts ?? []).flatMap(({ file, error }) =>
    error === null ? [] : [{ part: file, reason: error }],
  );
  const error = manifest?.again?.error ?? null;
  const again = error === null ? [] : [{ part: 'what changed meanwhile', reason: error }];
  return [...parts, ...again, ...silentProxies(manifest)].toSorted((a, b) => (a.part < b.part ? -1 : 1));
}

/** kube-proxy's own answers, where the API server does not let anybody ask, or none came of a node that was asked. */
function silentProxies(manifest: SnapshotManifest | null): Coverage['missing'] {
  const silent = (manifest?.nodes ?? []).flatMap(({ name, commands }) => {
    const asked = commands.filter(({ argv }) => argv[0] === 'GET');
    const isSilent = asked.length > 0 && asked.every(({ code }) => code === null);
    return isSilent ? [{ name, why: asked[0]?.stderr ?? '' }] : [];
  });
  return [...Map.groupBy(silent, ({ why }) => why)].map(([why, nodes]) => {
    const names = nodes.length <= 3 ? nodes.map(({ name }) => name).join(', ') : `${nodes.length} nodes`;
    return { part: `what kube-proxy says of itself on ${names}`, reason: why };
  });
}

/** Known only where the API was read again after the nodes. */
function changedMeanwhile({ manifest }: Snapshot): Partial<Coverage> {
  const again = manifest?.again;
  if (again === undefined || again.error !== null) return {};
  return { changed: again.changed.map(({ file, namespace, name }) => ({ kind: file, namespace, name })) };
}

function nodeCoverage(node: NodeView, manifest: NodeManifest | null, capture: Capture | null): NodeCoverage {
  const read = capture !== null && capture.status === 'read';
  return {
    name: node.name,
    read,
    ...howRead(manifest),
    ...(node.mode.mode === 'unknown' ? {} : { mode: node.mode.mode }),
    ...judgedBy(node),
    ...(node.status === 'unjudged' ? { reason: node.because } : {}),
    ...(node.status === 'unjudged' && node.owner !== null ? { owner: node.owner } : {}),
    ...(node.status === 'unjudged' && node.tryThis !== null ? { tryThis: node.tryThis } : {}),
    ...(manifest === null || manifest.failure === null ? {} : { reasonCode: manifest.failure.reason }),
  };
}

function howRead(manifest: NodeManifest | null): Partial<NodeCoverage> {
  if (manifest === null) return {};
  const { attempts = [] } = manifest;
  return {
    via: manifest.via,
    client: manifest.client,
    ...(attempts.length === 0 ? {} : { attempts: attempts.map(attemptView) }),
    durationMs: Date.parse(manifest.finishedAt) - Date.parse(manifest.startedAt),
  };
}

function attemptView({ via, failure }: Attempt): AttemptView {
  return { via, reason: failure.message, reasonCode: failure.reason, tryThis: failure.tryThis };
}

/** The version where it is known, else those whose rules look like these. */
function versionOf(settings: ProxySettings): string {
  const { min, max } = rangeOf(settings);
  return compareVersions(min, max) === 0 ? printVersion(min) : `${printVersion(min)} to ${printVersion(max)}`;
}

function judgedBy(node: NodeView): Partial<NodeCoverage> {
  if (node.status === 'unjudged') return {};
  const [family] = node.families;
  if (family === undefined) return {};
  const version = versionOf(family.settings);
  const backend = family.index.ruleset.backend;
  const settings: readonly SettingView[] = node.families.flatMap((view) => settingsView(view.settings));
  return {
    ...(backend === 'unknown' ? {} : { backend }),
    kubeProxyVersion: version,
    settings,
  };
}
