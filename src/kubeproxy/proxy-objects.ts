import type { ProxyVersion } from './expectation.ts';
import { flagsOf, isFields, parseProxyConfig, parseProxyFlags, type ProxyConfig } from './proxy-config.ts';
import { parseImageVersion } from './version.ts';

/** What kube-proxy's own objects in the cluster say: its ConfigMap, its DaemonSet, its pods. */
export interface ProxyObjects {
  /** null: no configuration was found. */
  readonly config: ProxyConfig | null;
  /** Of the DaemonSet. */
  readonly image: ImageVersion | null;
  /** By node. */
  readonly pods: ReadonlyMap<string, ProxyPod>;
}

export interface ImageVersion {
  readonly version: ProxyVersion;
  /** For the report: `image of DaemonSet kube-system/kube-proxy`. */
  readonly from: string;
}

export interface ProxyPod {
  readonly image: ImageVersion | null;
  /** Flags of a pod that reads no file (static pods of RKE2, GKE). */
  readonly config: ProxyConfig | null;
  /** A literal `--hostname-override`. */
  readonly hostname: string | null;
}

const NOTHING: ProxyObjects = { config: null, image: null, pods: new Map() };

/** `objects`: a v1 List, or undefined when they were not read. What cannot be understood is as if it were not there. */
export function readProxyObjects(objects: unknown): ProxyObjects {
  const items = isFields(objects) && Array.isArray(objects['items']) ? objects['items'].filter(isFields) : [];
  if (items.length === 0) return NOTHING;
  const maps = items.filter((item) => item['kind'] === 'ConfigMap' || isFields(item['data']));
  const sets = items.filter((item) => item['kind'] === 'DaemonSet');
  const pods = items.filter((item) => item['kind'] === 'Pod');
  const fromMap = maps.flatMap((map) => configOfMap(map))[0] ?? null;
  const containers = sets.map((set) => ({ set, container: proxyContainer(templateOf(set)) }));
  const fromSet =
    containers.flatMap(({ set, container }) => flagConfig(container, nameOf(set, 'DaemonSet')))[0] ?? null;
  const images = containers.flatMap(({ set, container }) => imageOf(container, nameOf(set, 'DaemonSet')));
  return {
    config: fromSet ?? fromMap,
    image: images[0] ?? null,
    pods: new Map(pods.flatMap(podEntry)),
  };
}

type Fields = Readonly<Record<string, unknown>>;

function at(fields: unknown, ...path: readonly string[]): unknown {
  let value = fields;
  for (const key of path) value = isFields(value) ? value[key] : undefined;
  return value;
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

function nameOf(item: Fields, kind: string): string {
  return `${kind} ${textOf(at(item, 'metadata', 'namespace'))}/${textOf(at(item, 'metadata', 'name'))}`;
}

/** The key is the distributor's choice (`config.conf`, `config`, …): the document's own kind decides. */
function configOfMap(map: Fields): readonly ProxyConfig[] {
  const { data } = map;
  if (!isFields(data)) return [];
  return Object.keys(data)
    .toSorted()
    .flatMap((key) => {
      const text = data[key];
      return typeof text === 'string' ? (parseProxyConfig(text, nameOf(map, 'ConfigMap')) ?? []) : [];
    });
}

function templateOf(set: Fields): unknown {
  return at(set, 'spec', 'template', 'spec');
}

function proxyContainer(podSpec: unknown): Fields | null {
  const list = at(podSpec, 'containers');
  const containers = Array.isArray(list) ? list.filter(isFields) : [];
  const named = containers.find((container) => container['name'] === 'kube-proxy');
  return named ?? containers.find((container) => textOf(container['image']).includes('kube-proxy')) ?? null;
}

function wordsOf(container: Fields): readonly string[] {
  const words = [container['command'], container['args']].flatMap((list) => (Array.isArray(list) ? list : []));
  return words.filter((word) => typeof word === 'string');
}

function flagConfig(container: Fields | null, owner: string): readonly ProxyConfig[] {
  if (container === null || wordsOf(container).length === 0) return [];
  const config = parseProxyFlags(wordsOf(container), `flags of ${owner}`);
  return config === null ? [] : [config];
}

function imageOf(container: Fields | null, owner: string): readonly ImageVersion[] {
  const version = parseImageVersion(textOf(container?.['image']));
  return version === null ? [] : [{ version, from: `image of ${owner}` }];
}

function podEntry(pod: Fields): readonly (readonly [string, ProxyPod])[] {
  const node = at(pod, 'spec', 'nodeName');
  if (typeof node !== 'string') return [];
  const container = proxyContainer(pod['spec']);
  const owner = nameOf(pod, 'pod');
  const hostname = container === null ? undefined : flagsOf(wordsOf(container)).get('hostname-override');
  return [
    [
      node,
      {
        image: imageOf(container, owner)[0] ?? null,
        config: flagConfig(container, owner)[0] ?? null,
        hostname: hostname === undefined || hostname === '' || hostname.includes('$(') ? null : hostname,
      },
    ],
  ];
}
