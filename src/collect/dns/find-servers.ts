import { ClusterError } from '../cluster/cluster-error.ts';
import type { ClusterConnection } from '../cluster/connection.ts';
import { at, isRecord, listOf, nameOf, recordOf, textOf } from '../cluster/json-value.ts';
import { getOne, listAll } from '../cluster/list-all.ts';
import { orNull } from '../cluster/read-services.ts';
import { RESOURCES } from '../cluster/resources.ts';

/** A pod that answers the cluster's DNS questions. */
export interface DnsServer {
  readonly namespace: string;
  readonly pod: string;
  /** TCP. */
  readonly port: number;
  /** Name of the ConfigMap that holds its Corefile; null: it has none. */
  readonly configMap: string | null;
}

/** The cluster has no DNS servers that could be asked: that is how it is, nothing was refused. */
export class NoDnsServers extends Error {
  override readonly name = 'NoDnsServers';
}

const KUBE_SYSTEM = 'kube-system';

/** kubeadm and nearly everybody, whatever the server is; some charts of CoreDNS. */
const LABELS = 'k8s-app in (kube-dns,coredns)';

/** The name of the cluster's DNS Service nearly everywhere. */
const SERVICE = 'kube-dns';

/** OpenShift's operator runs CoreDNS in a namespace of its own. */
const OPENSHIFT = { namespace: 'openshift-dns', labels: 'dns.operator.openshift.io/daemonset-dns=default' };

/**
 * The cluster's DNS servers that are ready, by name: by label, else by the selector of Service kube-dns, else OpenShift's.
 * @throws NoDnsServers, and ClusterError when the pods of kube-system may not be listed
 */
export async function findDnsServers(
  connection: ClusterConnection,
  signal: AbortSignal,
): Promise<readonly DnsServer[]> {
  const pods = await findPods(connection, signal);
  const servers = pods.filter(isReady).flatMap(serverOf);
  if (servers.length === 0) {
    const names = pods.map(nameOf).toSorted().slice(0, 3).join(', ');
    throw new NoDnsServers(`none of the ${pods.length} DNS pods is ready and has a TCP port for DNS: ${names}`);
  }
  return servers.toSorted((a, b) => (a.pod < b.pod ? -1 : 1));
}

async function findPods(connection: ClusterConnection, signal: AbortSignal): Promise<readonly unknown[]> {
  const list = async (namespace: string, labelSelector: string): Promise<readonly unknown[]> =>
    (await listAll(connection, RESOURCES.pods, { namespace, labelSelector, signal })).items;
  const selected = async (): Promise<readonly unknown[]> => {
    const service = await orNull(getOne(connection, RESOURCES.services, KUBE_SYSTEM, SERVICE, signal));
    const selector = Object.entries(recordOf(at(service, 'spec', 'selector')));
    const words = selector.map(([key, value]) => `${key}=${textOf(value)}`).join(',');
    return words === '' ? [] : list(KUBE_SYSTEM, words);
  };
  const labelled = await list(KUBE_SYSTEM, LABELS);
  if (labelled.length > 0) return labelled;
  const refusals: string[] = [];
  for (const look of [selected, async () => list(OPENSHIFT.namespace, OPENSHIFT.labels)]) {
    try {
      const found = await look();
      if (found.length > 0) return found;
    } catch (error) {
      if (!(error instanceof ClusterError) || error.status === 401) throw error;
      refusals.push(error.message);
    }
  }
  const found = `no DNS pods found: none in ${KUBE_SYSTEM} is labelled k8s-app=kube-dns, nor selected by a Service ${SERVICE}`;
  throw new NoDnsServers([found, ...refusals].join('; '));
}

function isReady(pod: unknown): boolean {
  const conditions = listOf(at(pod, 'status', 'conditions')).filter(isRecord);
  const ready = conditions.some((condition) => condition['type'] === 'Ready' && condition['status'] === 'True');
  return ready && at(pod, 'metadata', 'deletionTimestamp') === undefined;
}

const DNS_PORT = 53;

function serverOf(pod: unknown): readonly DnsServer[] {
  const ports = listOf(at(pod, 'spec', 'containers')).flatMap((container) => listOf(at(container, 'ports')));
  const tcp = ports.filter(isRecord).filter((port) => (textOf(port['protocol']) || 'TCP') === 'TCP');
  const port =
    tcp.find(({ name }) => name === 'dns-tcp') ??
    tcp.find(({ containerPort }) => containerPort === DNS_PORT) ??
    tcp.find(({ name }) => /^dns|dns-?tcp/.test(textOf(name)));
  const number = port?.['containerPort'];
  if (typeof number !== 'number') return [];
  const namespace = textOf(at(pod, 'metadata', 'namespace'));
  return [{ namespace, pod: nameOf(pod), port: number, configMap: configMapOf(pod) }];
}

/** The ConfigMap that is mounted with a `Corefile` in it; one that is mounted whole may have one. */
function configMapOf(pod: unknown): string | null {
  const mounted = listOf(at(pod, 'spec', 'volumes')).flatMap((volume) => {
    const configMap = at(volume, 'configMap');
    const items = listOf(at(configMap, 'items')).map((item) => textOf(at(item, 'key')));
    const name = textOf(at(configMap, 'name'));
    return name !== '' && (items.length === 0 || items.includes('Corefile')) ? [{ name, exact: items.length > 0 }] : [];
  });
  return (mounted.find(({ exact }) => exact) ?? mounted[0])?.name ?? null;
}
