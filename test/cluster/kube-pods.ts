/** The pods of a full lab: the API server is told of them, kubelets run them. */
import type { Api } from './api.ts';
import { POD_IMAGE } from './images.ts';
import { podPath } from './objects.ts';
import type { PodRunner } from './pods.ts';
import { PODS } from './topology.ts';
import type { PodPlan } from './topology.ts';
import { waitFor } from './wait.ts';

export class KubePods implements PodRunner {
  private readonly api: () => Api;
  private readonly kubectl: readonly string[];

  /**
   * @param api that of the lab, once it has one
   * @param kubectl the program and its --kubeconfig
   */
  constructor(api: () => Api, kubectl: readonly string[]) {
    this.api = api;
    this.kubectl = kubectl;
  }

  async startAll(): Promise<void> {
    await Promise.all(PODS.map((pod) => createKubePod(this.api(), pod)));
    await this.waitUntilReady(PODS);
  }

  async start(pod: PodPlan): Promise<void> {
    await createKubePod(this.api(), pod);
    await this.waitUntilReady([pod]);
  }

  async stop(pod: PodPlan): Promise<void> {
    await this.api().delete(podPath(pod));
  }

  labtoolIn(pod: string, args: readonly string[]): string[] {
    return [...this.kubectl, 'exec', pod, '--', '/labtool', ...args];
  }

  private async waitUntilReady(pods: readonly PodPlan[]): Promise<void> {
    const names = new Set(pods.map(({ name }) => name));
    await waitFor(
      `the pods ${[...names].join(', ')}`,
      async () => {
        const { items } = await this.api().get<PodList>('/api/v1/namespaces/default/pods');
        return items.filter((pod) => names.has(pod.metadata.name) && isReady(pod)).length === names.size;
      },
      240_000,
    );
  }
}

export interface PodList {
  readonly items: readonly PodObject[];
}

interface PodObject {
  readonly metadata: { readonly name: string };
  readonly status: {
    readonly podIP?: string;
    readonly conditions?: readonly { readonly type: string; readonly status: string }[];
  };
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
