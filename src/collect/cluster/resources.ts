/** A kind of object, as the API's paths name it. */
export interface Resource {
  /** '' for the core group. */
  readonly group: string;
  readonly version: string;
  readonly plural: string;
  readonly kind: string;
}

const core = (plural: string, kind: string): Resource => ({ group: '', version: 'v1', plural, kind });

/** What the diagnosis reads. */
export const RESOURCES = {
  services: core('services', 'Service'),
  endpoints: core('endpoints', 'Endpoints'),
  nodes: core('nodes', 'Node'),
  pods: core('pods', 'Pod'),
  namespaces: core('namespaces', 'Namespace'),
  configMaps: core('configmaps', 'ConfigMap'),
  endpointSlices: { group: 'discovery.k8s.io', version: 'v1', plural: 'endpointslices', kind: 'EndpointSlice' },
  daemonSets: { group: 'apps', version: 'v1', plural: 'daemonsets', kind: 'DaemonSet' },
} as const satisfies Readonly<Record<string, Resource>>;

/** Path of a list, or of one object. `namespace` null: all namespaces, or not namespaced. */
export function pathOf(resource: Resource, namespace: string | null, name?: string): string {
  const root = resource.group === '' ? `/api/${resource.version}` : `/apis/${resource.group}/${resource.version}`;
  const scope = namespace === null ? '' : `/namespaces/${encodeURIComponent(namespace)}`;
  return `${root}${scope}/${resource.plural}${name === undefined ? '' : `/${encodeURIComponent(name)}`}`;
}

/** `apiVersion` of the resource's objects. */
export function apiVersionOf(resource: Resource): string {
  return resource.group === '' ? resource.version : `${resource.group}/${resource.version}`;
}

/** What a namespace, and the name of anything that must be a label too, may look like; nothing else can exist. */
export function isDnsLabel(name: string): boolean {
  return /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/.test(name);
}
