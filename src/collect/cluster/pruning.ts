/**
 * What is left out of a snapshot: bookkeeping that no check needs, and everything of a pod that may hold a secret
 * (environment, arguments, command lines, volumes, annotations, last words). A snapshot goes into tickets.
 *
 * Paths are keys with a space in between; no key of an API object has one. Lists have no key of their own: the path of
 * a container's name is `spec containers name`. Data, not code, because the script of `collect --print-script` is held to
 * the same.
 */
export interface Pruning {
  /** Paths that stay, with all below them; '': everything. */
  readonly keep: readonly string[];
  /** Paths below them that go all the same. */
  readonly drop: readonly string[];
  /** Extended regular expression, without regard to case: an entry below this path whose key matches goes. */
  readonly dropKeys?: { readonly of: string; readonly matching: string };
  /** Extended regular expression: a text that matches goes, wherever it is. */
  readonly dropTexts?: string;
}

/** Copies of the whole object that tools leave in it: kubectl apply, Rancher, kapp. */
const COPIES = [
  'kubectl.kubernetes.io/last-applied-configuration',
  'objectset.rio.cattle.io/applied',
  'kapp.k14s.io/original',
];

const BOOKKEEPING = ['metadata managedFields', ...COPIES.map((name) => `metadata annotations ${name}`)];

/** Any object. */
const OBJECT: Pruning = { keep: [''], drop: BOOKKEEPING };

/** A node: also without the list of its images, which is most of its size. */
const NODE: Pruning = { keep: [''], drop: [...BOOKKEEPING, 'status images'] };

const CONTAINER = ['name', 'image', 'ports', 'restartPolicy'];
/** Which port is probed, not with which headers or command. */
const PROBE = [
  'initialDelaySeconds',
  'timeoutSeconds',
  'periodSeconds',
  'successThreshold',
  'failureThreshold',
  'httpGet port',
  'httpGet scheme',
  'httpGet host',
  'tcpSocket',
  'grpc',
];
/** The last words of a container may be its log, and why it does not start its command line: only reasons are kept. */
const STATE = [
  'running',
  'waiting reason',
  'terminated exitCode',
  'terminated signal',
  'terminated reason',
  'terminated startedAt',
  'terminated finishedAt',
];

function below(path: string, keys: readonly string[]): readonly string[] {
  return keys.map((key) => `${path} ${key}`);
}

function podFields(container: readonly string[]): readonly string[] {
  return [
    'apiVersion',
    'kind',
    ...below('metadata', [
      'name',
      'generateName',
      'namespace',
      'uid',
      'resourceVersion',
      'creationTimestamp',
      'deletionTimestamp',
      'deletionGracePeriodSeconds',
      'labels',
      'ownerReferences',
    ]),
    ...below('spec', [
      'nodeName',
      'hostNetwork',
      'hostname',
      'subdomain',
      'restartPolicy',
      'readinessGates',
      'dnsPolicy',
    ]),
    ...['spec containers', 'spec initContainers'].flatMap((path) => [
      ...below(path, container),
      ...below(`${path} readinessProbe`, PROBE),
    ]),
    ...below('status', [
      'phase',
      'reason',
      'conditions',
      'podIP',
      'podIPs',
      'hostIP',
      'hostIPs',
      'startTime',
      'qosClass',
    ]),
    ...['status containerStatuses', 'status initContainerStatuses'].flatMap((path) => [
      ...below(path, ['name', 'ready', 'started', 'restartCount', 'image', 'imageID']),
      ...below(`${path} state`, STATE),
      ...below(`${path} lastState`, STATE),
    ]),
  ];
}

/** A pod behind a Service: who it is, where it runs, which ports it names, whether it is ready and why not. */
const POD: Pruning = { keep: podFields(CONTAINER), drop: [] };

const KUBE_PROXY_CONTAINER = [...CONTAINER, 'command', 'args'];

/** A kube-proxy pod: its command line is its settings, so that stays. */
const KUBE_PROXY_POD: Pruning = { keep: podFields(KUBE_PROXY_CONTAINER), drop: [] };

/** The kube-proxy DaemonSet: of its pod template what its pods show too. */
const DAEMON_SET: Pruning = {
  keep: [
    'apiVersion',
    'kind',
    'metadata',
    'spec selector',
    'spec updateStrategy',
    'spec template metadata labels',
    'spec template spec hostNetwork',
    ...below('spec template spec containers', KUBE_PROXY_CONTAINER),
    'status',
  ],
  drop: BOOKKEEPING,
};

/** kube-proxy's ConfigMap without the kubeconfig that kubeadm and others keep beside the settings, whatever its name. */
const CONFIG_MAP: Pruning = {
  keep: ['apiVersion', 'kind', 'metadata', 'data'],
  drop: BOOKKEEPING,
  dropKeys: { of: 'data', matching: 'kubeconfig' },
  dropTexts: 'PRIVATE KEY|client-(key|certificate)-data|(token|password)[^a-zA-Z0-9]*:',
};

/** By kind of object, in the words of the snapshot. */
export const PRUNINGS = {
  object: OBJECT,
  node: NODE,
  pod: POD,
  'kube-proxy-pod': KUBE_PROXY_POD,
  'daemon-set': DAEMON_SET,
  'config-map': CONFIG_MAP,
} as const;
