/** The pods of a full lab: the API server is told of them, kubelets run them. */
import type { Api } from './api.ts';
import type { PodRunner } from './flavour.ts';
import { POD_IMAGE } from './images.ts';
import { podPath } from './objects.ts';
import type { PodPlan } from './topology.ts';
import { waitFor } from './wait.ts';

export class KubePods implements PodRunner {
  private readonly kubectl: readonly string[];

  /** @param kubectl the program and its --kubeconfig */
  constructor(kubectl: readonly string[]) {
    this.kubectl = kubectl;
  }

  async start(api: Api, pod: PodPlan): Promise<void> {
    await createKubePod(api, pod);
    await waitUntilReady(api, [pod]);
  }

  async stop(api: Api, pod: PodPlan): Promise<void> {
    await api.delete(podPath(pod));
  }

  labtoolIn(pod: string, args: readonly string[]): string[] {
    return [...this.kubectl, 'exec', pod, '--', '/labtool', ...args];
  }
}

export async function waitUntilReady(api: Api, pods: readonly PodPlan[]): Promise<void> {
  const names = new Set(pods.map(({ name }) => name));
  await waitFor(
    `the pods ${[...names].join(', ')}`,
    async () => {
      const { items } = await api.get<PodList>('/api/v1/namespaces/default/pods');
      const waiting = [...names].filter((name) => !items.some((pod) => pod.metadata.name === name && isReady(pod)));
      if (waiting.length > 0) throw new Error(waiting.map((name) => describe(name, items)).join('; '));
      return true;
    },
    240_000,
  );
}

export interface PodList {
  readonly items: readonly PodObject[];
}

interface PodObject {
  readonly metadata: { readonly name: string };
  readonly status: {
    readonly podIP?: string;
    readonly phase?: string;
    readonly reason?: string;
    readonly message?: string;
    readonly conditions?: readonly { readonly type: string; readonly status: string }[];
  };
}

function describe(name: string, pods: readonly PodObject[]): string {
  const status = pods.find((pod) => pod.metadata.name === name)?.status;
  return [name, status?.phase ?? 'missing', status?.reason, status?.message].filter(Boolean).join(' ');
}

export function isReady({ status }: PodObject): boolean {
  return status.conditions?.some((one) => one.type === 'Ready' && one.status === 'True') ?? false;
}

export async function createKubePod(api: Api, pod: PodPlan): Promise<void> {
  const { name, app, port } = pod;
  const container =
    port === undefined
      ? { command: ['/labtool', 'pause'] }
      : {
          command: ['/labtool', 'serve', '-name', name, '-listen', `[::]:${port}`],
          ports: [{ name: 'http', containerPort: port, protocol: 'TCP' }],
        };
  await api.create('/api/v1/namespaces/default/pods', {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, labels: { app } },
    spec: {
      // The article's pods are where they are; what is created beside them goes through the scheduler.
      nodeName: pod.node,
      automountServiceAccountToken: false,
      terminationGracePeriodSeconds: 1,
      containers: [{ name: app, image: POD_IMAGE, imagePullPolicy: 'Never', ...container }],
    },
  });
}
