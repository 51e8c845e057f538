import { RESOURCES, type Resource } from './resources.ts';

/** One permission of the API server that a check makes use of. */
export interface Permission {
  readonly resource: Resource;
  readonly verb: 'get' | 'list' | 'create' | 'delete';
  /**
   * `services`: the namespaces of the Services asked about; `cluster`: not namespaced; `debug`: the namespace of the pods that are
   * made; else that namespace alone.
   */
  readonly where: 'services' | 'cluster' | 'kube-system' | 'debug';
  /** Only objects of these names; absent: all. */
  readonly names?: readonly string[];
  /** What is lost without it. `required`: nothing can be judged. */
  readonly without: string;
}

const REQUIRED = 'nothing can be judged';
const SETTINGS = 'how kube-proxy is set up is told from the rules alone';

/** Everything that is read of a cluster, and what each is for; test/cluster/rbac.test.ts runs with exactly these. */
export const PERMISSIONS: readonly Permission[] = [
  { resource: RESOURCES.services, verb: 'get', where: 'services', without: REQUIRED },
  { resource: RESOURCES.services, verb: 'list', where: 'services', without: 'Services must be named one by one' },
  {
    resource: RESOURCES.endpointSlices,
    verb: 'list',
    where: 'services',
    without: 'endpoints are taken from Endpoints objects, which lack node names and hints',
  },
  {
    resource: RESOURCES.endpoints,
    verb: 'get',
    where: 'services',
    without: 'a kube-proxy up to 1.20 is judged by EndpointSlices',
  },
  {
    resource: RESOURCES.endpoints,
    verb: 'list',
    where: 'services',
    without: 'a kube-proxy up to 1.20 is judged by EndpointSlices',
  },
  { resource: RESOURCES.pods, verb: 'list', where: 'services', without: 'why a Service has no endpoints stays open' },
  { resource: RESOURCES.nodes, verb: 'list', where: 'cluster', without: REQUIRED },
  {
    resource: RESOURCES.configMaps,
    verb: 'get',
    where: 'kube-system',
    names: ['kube-proxy', 'kube-proxy-config'],
    without: SETTINGS,
  },
  {
    resource: RESOURCES.daemonSets,
    verb: 'get',
    where: 'kube-system',
    names: ['kube-proxy'],
    without: SETTINGS,
  },
  { resource: RESOURCES.pods, verb: 'list', where: 'kube-system', without: SETTINGS },
];

/** exec is a resource of its own to RBAC. A WebSocket is a GET; since 1.35 the API server wants `create` as well. */
const EXEC: Resource = { ...RESOURCES.pods, plural: 'pods/exec' };

const NODES = 'no node can be read this way';

/** What reading nodes needs beside {@link PERMISSIONS}, by the way they are read. SSH needs nothing of the cluster. */
export const WAY_PERMISSIONS: Readonly<Record<'kube-proxy' | 'debug-pod' | 'ssh', readonly Permission[]>> = {
  'kube-proxy': [
    { resource: EXEC, verb: 'get', where: 'kube-system', without: NODES },
    { resource: EXEC, verb: 'create', where: 'kube-system', without: NODES },
  ],
  'debug-pod': [
    { resource: RESOURCES.pods, verb: 'create', where: 'debug', without: NODES },
    { resource: RESOURCES.pods, verb: 'get', where: 'debug', without: NODES },
    { resource: RESOURCES.pods, verb: 'delete', where: 'debug', without: NODES },
    { resource: RESOURCES.pods, verb: 'list', where: 'debug', without: 'collect --cleanup finds nothing' },
    { resource: EXEC, verb: 'get', where: 'debug', without: NODES },
    { resource: EXEC, verb: 'create', where: 'debug', without: NODES },
  ],
  ssh: [],
};

const NO_DNS = 'DNS is not looked at, which is all there is of an ExternalName Service';
const FORWARD: Resource = { group: '', version: 'v1', plural: 'pods/portforward', kind: 'Pod' };
const LOG: Resource = { group: '', version: 'v1', plural: 'pods/log', kind: 'Pod' };
const NO_PORTS = `${NO_DNS}; kube-proxy is not asked how it is`;

/** What is asked of DNS servers and kube-proxies themselves, through ports of their pods; test/cluster/dns.test.ts has them. */
export const PORT_PERMISSIONS: readonly Permission[] = [
  // API servers before 1.35 want `get` for a WebSocket, later ones `create` too.
  { resource: FORWARD, verb: 'get', where: 'kube-system', without: NO_PORTS },
  { resource: FORWARD, verb: 'create', where: 'kube-system', without: NO_PORTS },
  { resource: RESOURCES.services, verb: 'get', where: 'kube-system', names: ['kube-dns'], without: NO_DNS },
  {
    resource: RESOURCES.configMaps,
    verb: 'get',
    where: 'kube-system',
    names: ['coredns'],
    without: 'whether DNS is set up to answer otherwise stays open',
  },
  // Only of a kube-proxy that is in trouble.
  { resource: LOG, verb: 'get', where: 'kube-system', without: 'why a kube-proxy fails is not read from its log' },
];

/** A v1 List of roles and bindings that give a subject these permissions and nothing more. */
export interface RbacRequest {
  /** Namespaces of the Services; null: all. */
  readonly namespaces: readonly string[] | null;
  readonly subject: {
    readonly kind: 'User' | 'Group' | 'ServiceAccount';
    readonly name: string;
    readonly namespace?: string;
  };
  readonly permissions?: readonly Permission[];
  /** Where pods are made to read nodes; only needed where a permission is for it. */
  readonly debugNamespace?: string;
}

const NAME = 'svcdoctor';

export function rbacObjects({
  namespaces,
  subject,
  permissions = [...PERMISSIONS, ...PORT_PERMISSIONS],
  debugNamespace = 'default',
}: RbacRequest): readonly object[] {
  const of = (where: Permission['where']): readonly Permission[] => permissions.filter((one) => one.where === where);
  const wide = [...of('cluster'), ...(namespaces === null ? of('services') : [])];
  return [
    ...granted('ClusterRole', null, wide, subject),
    ...granted('Role', 'kube-system', of('kube-system'), subject),
    ...granted('Role', debugNamespace, of('debug'), subject, `${NAME}-pods`),
    ...(namespaces ?? []).flatMap((namespace) =>
      granted('Role', namespace, of('services'), subject, namespace === 'kube-system' ? `${NAME}-services` : NAME),
    ),
  ];
}

function granted(
  kind: 'ClusterRole' | 'Role',
  namespace: string | null,
  permissions: readonly Permission[],
  subject: RbacRequest['subject'],
  name = NAME,
): readonly object[] {
  if (permissions.length === 0) return [];
  const apiVersion = 'rbac.authorization.k8s.io/v1';
  const metadata = namespace === null ? { name } : { name, namespace };
  const apiGroup = 'rbac.authorization.k8s.io';
  const who = subject.kind === 'ServiceAccount' ? subject : { ...subject, apiGroup };
  return [
    { apiVersion, kind, metadata, rules: rulesOf(permissions) },
    { apiVersion, kind: `${kind}Binding`, metadata, roleRef: { apiGroup, kind, name }, subjects: [who] },
  ];
}

/** Verbs of one resource stand in one rule, unless they are for certain names only. */
function rulesOf(permissions: readonly Permission[]): readonly object[] {
  const keyOf = ({ resource, names }: Permission): string =>
    `${resource.group}/${resource.plural} ${names?.join() ?? ''}`;
  return [...Map.groupBy(permissions, keyOf).values()].map((alike) => ({
    apiGroups: [alike[0]?.resource.group],
    resources: [alike[0]?.resource.plural],
    ...(alike[0]?.names === undefined ? {} : { resourceNames: alike[0].names }),
    verbs: alike.map(({ verb }) => verb),
  }));
}
