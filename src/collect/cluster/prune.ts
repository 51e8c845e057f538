import { isRecord, listOf, recordOf } from './json-value.ts';
import type { JsonRecord } from './json-value.ts';

/**
 * What is left out of a snapshot: bookkeeping that no check needs, and everything of a pod that may hold a secret
 * (environment, arguments, command lines, volumes, annotations). A snapshot goes into tickets.
 */

const LAST_APPLIED = 'kubectl.kubernetes.io/last-applied-configuration';

/** Any object: without `managedFields` and the copy of itself that `kubectl apply` leaves. */
export function pruneObject(object: unknown): unknown {
  if (!isRecord(object) || !isRecord(object['metadata'])) return object;
  const { managedFields: _, ...metadata } = object['metadata'];
  if (!isRecord(metadata['annotations'])) return { ...object, metadata };
  const { [LAST_APPLIED]: __, ...annotations } = metadata['annotations'];
  return { ...object, metadata: { ...metadata, annotations } };
}

/** A node: also without the list of its images, which is most of its size. */
export function pruneNode(node: unknown): unknown {
  const pruned = pruneObject(node);
  if (!isRecord(pruned) || !isRecord(pruned['status'])) return pruned;
  const { images: _, ...status } = pruned['status'];
  return { ...pruned, status };
}

/** A pod behind a Service: who it is, where it runs, which ports it names, whether it is ready and why not. */
export function prunePod(pod: unknown): unknown {
  return prunePodWith(pod, CONTAINER);
}

/** A kube-proxy pod: its command line is its settings, so that stays. */
export function pruneKubeProxyPod(pod: unknown): unknown {
  return prunePodWith(pod, [...CONTAINER, 'command', 'args']);
}

/** The kube-proxy DaemonSet: its pod template is treated like its pods. */
export function pruneDaemonSet(daemonSet: unknown): unknown {
  const pruned = pruneObject(daemonSet);
  if (!isRecord(pruned)) return pruned;
  const spec = recordOf(pruned['spec']);
  return {
    ...pruned,
    spec: { ...pick(spec, ['selector', 'updateStrategy']), template: pruneKubeProxyPod(spec['template']) },
  };
}

/** kube-proxy's ConfigMap without the kubeconfig that kubeadm and others keep beside the settings. */
export function pruneConfigMap(configMap: unknown): unknown {
  const pruned = pruneObject(configMap);
  if (!isRecord(pruned)) return pruned;
  const data = Object.entries(recordOf(pruned['data'])).filter(([key]) => !key.toLowerCase().includes('kubeconfig'));
  return { ...pruned, data: Object.fromEntries(data) };
}

const METADATA = [
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
];
const SPEC = ['nodeName', 'hostNetwork', 'hostname', 'subdomain', 'restartPolicy', 'readinessGates', 'dnsPolicy'];
const CONTAINER = ['name', 'image', 'ports', 'restartPolicy'];
const STATUS = ['phase', 'reason', 'conditions', 'podIP', 'podIPs', 'hostIP', 'hostIPs', 'startTime', 'qosClass'];
const CONTAINER_STATUS = ['name', 'ready', 'started', 'restartCount', 'image', 'imageID'];
const PROBE = ['initialDelaySeconds', 'timeoutSeconds', 'periodSeconds', 'successThreshold', 'failureThreshold'];

function prunePodWith(pod: unknown, containerKeys: readonly string[]): unknown {
  if (!isRecord(pod)) return pod;
  const spec = recordOf(pod['spec']);
  const status = recordOf(pod['status']);
  return {
    ...pick(pod, ['apiVersion', 'kind']),
    metadata: pick(recordOf(pod['metadata']), METADATA),
    spec: {
      ...pick(spec, SPEC),
      ...lists(spec, ['containers', 'initContainers'], (container) => pruneContainer(container, containerKeys)),
    },
    status: {
      ...pick(status, STATUS),
      ...lists(status, ['containerStatuses', 'initContainerStatuses'], pruneContainerStatus),
    },
  };
}

function pruneContainer(container: JsonRecord, keys: readonly string[]): JsonRecord {
  const probe = container['readinessProbe'];
  return { ...pick(container, keys), ...(isRecord(probe) ? { readinessProbe: pruneProbe(probe) } : {}) };
}

/** Which port is probed, not with which headers or command. */
function pruneProbe(probe: JsonRecord): JsonRecord {
  const how: Record<string, unknown> = {};
  if (isRecord(probe['httpGet'])) how['httpGet'] = pick(probe['httpGet'], ['port', 'scheme', 'host']);
  if (isRecord(probe['tcpSocket'])) how['tcpSocket'] = probe['tcpSocket'];
  if (isRecord(probe['grpc'])) how['grpc'] = probe['grpc'];
  if (isRecord(probe['exec'])) how['exec'] = {};
  return { ...pick(probe, PROBE), ...how };
}

/** The last words of a container may be its log: only the reason of its end is kept. */
function pruneContainerStatus(status: JsonRecord): JsonRecord {
  const states: Record<string, unknown> = {};
  for (const key of ['state', 'lastState']) {
    const state = status[key];
    if (!isRecord(state)) continue;
    const terminated = state['terminated'];
    states[key] = isRecord(terminated)
      ? { ...state, terminated: pick(terminated, ['exitCode', 'signal', 'reason', 'startedAt', 'finishedAt']) }
      : state;
  }
  return { ...pick(status, CONTAINER_STATUS), ...states };
}

function lists(record: JsonRecord, keys: readonly string[], change: (item: JsonRecord) => JsonRecord): JsonRecord {
  const changed: Record<string, unknown> = {};
  for (const key of keys) {
    if (Array.isArray(record[key])) changed[key] = listOf(record[key]).map((item) => change(recordOf(item)));
  }
  return changed;
}

function pick(record: JsonRecord, keys: readonly string[]): JsonRecord {
  return Object.fromEntries(keys.filter((key) => record[key] !== undefined).map((key) => [key, record[key]]));
}
