/** What the user decides about the pods that are made to read nodes. */
export interface DebugPodSettings {
  readonly namespace: string;
  /** null: kube-proxy's own image, which is on the node already, or {@link DEFAULT_IMAGE}. */
  readonly image: string | null;
  /** Name of a Secret of the namespace. */
  readonly pullSecret: string | null;
  /** For nodes whose security modules do not let two capabilities be enough. */
  readonly isPrivileged: boolean;
  /** Commands are the node's own, not the image's. */
  readonly isChrooted: boolean;
}

/** One pod on one node. */
export interface DebugPod {
  readonly name: string;
  readonly node: string;
  readonly image: string;
  /** Names the run, so that its pods can be told from others'. */
  readonly run: string;
  /** After this long the kubelet ends it, whatever became of us. */
  readonly deadlineSeconds: number;
}

export const RUN_LABEL = 'svcdoctor/run';
/** On every pod this program makes. */
export const MANAGED_BY = { key: 'app.kubernetes.io/managed-by', value: 'kubectl-svcdoctor' } as const;
export const CONTAINER = 'node';
/** Where the node's root is, read-only. */
export const HOST_ROOT = '/host';

/** What the official kube-proxy image is made of; for clusters where no kube-proxy image is to be seen. */
export const DEFAULT_IMAGE = 'registry.k8s.io/build-image/distroless-iptables:v0.9.4';
/** Commands are the node's own then: the image needs `chroot` and `sleep`. */
export const CHROOT_IMAGE = 'docker.io/library/busybox:1.37.0';

/** Sidecars that would be put into any pod of the namespace. */
const NO_SIDECARS = {
  'sidecar.istio.io/inject': 'false',
  'linkerd.io/inject': 'disabled',
  'kuma.io/sidecar-injection': 'disabled',
} as const;

/**
 * A pod that does nothing on a node until commands are run in it: in the node's network namespace, with the two capabilities
 * that both back ends need to be read (NET_ADMIN for nftables, NET_RAW for legacy), without a token, without a shell. `nodeName`
 * goes around the scheduler, so that cordoned nodes are read as well.
 */
export function debugPodManifest(pod: DebugPod, settings: DebugPodSettings): object {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name: pod.name,
      namespace: settings.namespace,
      labels: { 'app.kubernetes.io/name': 'svcdoctor', [MANAGED_BY.key]: MANAGED_BY.value, [RUN_LABEL]: pod.run },
      annotations: NO_SIDECARS,
    },
    spec: {
      nodeName: pod.node,
      hostNetwork: true,
      dnsPolicy: 'Default',
      restartPolicy: 'Never',
      activeDeadlineSeconds: pod.deadlineSeconds,
      terminationGracePeriodSeconds: 0,
      automountServiceAccountToken: false,
      enableServiceLinks: false,
      tolerations: [{ operator: 'Exists' }],
      securityContext: { runAsUser: 0, seccompProfile: { type: 'RuntimeDefault' } },
      ...(settings.pullSecret === null ? {} : { imagePullSecrets: [{ name: settings.pullSecret }] }),
      containers: [container(pod, settings)],
      ...(settings.isChrooted ? { volumes: [{ name: 'root', hostPath: { path: '/', type: 'Directory' } }] } : {}),
    },
  };
}

function container(pod: DebugPod, settings: DebugPodSettings): object {
  const { isChrooted } = settings;
  const mount = { name: 'root', mountPath: HOST_ROOT, readOnly: true };
  return {
    name: CONTAINER,
    image: pod.image,
    imagePullPolicy: 'IfNotPresent',
    ...idle(pod, isChrooted),
    resources: { requests: { cpu: '10m', memory: '32Mi' }, limits: { memory: '512Mi' } },
    securityContext: securityContext(settings),
    ...(isChrooted ? { volumeMounts: [mount] } : {}),
  };
}

/**
 * kube-proxy's image has no `sleep`. A restore that only tests, and waits for rules nobody sends, is as idle, and whatever image
 * can read a node has it.
 */
function idle({ deadlineSeconds }: DebugPod, isChrooted: boolean): object {
  if (isChrooted) return { command: ['sleep', String(deadlineSeconds)] };
  return { command: ['iptables-nft-restore', '--test'], stdin: true };
}

function securityContext({ isPrivileged, isChrooted }: DebugPodSettings): object {
  if (isPrivileged) return { privileged: true };
  const add = ['NET_ADMIN', 'NET_RAW', ...(isChrooted ? ['SYS_CHROOT'] : [])];
  return { privileged: false, allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'], add } };
}
