import type { LabEndpoints } from './directory.ts';
import type { LabOptions } from './options.ts';

/** Folders and paths of what was built for a lab. */
export interface Programs {
  /** Holds kube-apiserver, kube-controller-manager, kubectl; for a full lab also kubelet and kube-scheduler. */
  readonly kubernetes: string;
  readonly kubeProxy: string;
  readonly labtool: string;
  /** In a full lab: CoreDNS. */
  readonly coreDns?: string;
  /** Archives of the images of a full lab. */
  readonly images: readonly string[];
}

/** From the guard to the supervisor. A listener comes with its socket. */
export type GuardMessage =
  | { readonly kind: 'listener'; readonly service: string; readonly port: number }
  | {
      readonly kind: 'start';
      readonly dir: string;
      readonly options: LabOptions;
      readonly programs: Programs;
    };

/** From the supervisor to the guard, and all but `reopen` on to the process that waits for the lab. */
export type SupervisorMessage =
  | { readonly kind: 'reopen'; readonly service: string; readonly port: number }
  | { readonly kind: 'log'; readonly line: string }
  | { readonly kind: 'ready'; readonly endpoints: LabEndpoints }
  | { readonly kind: 'failed'; readonly error: string };
