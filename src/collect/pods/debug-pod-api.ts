import { setTimeout as sleep } from 'node:timers/promises';
import { type ClusterConnection, ClusterError } from '../cluster/index.ts';
import { at } from '../cluster/json-value.ts';
import { pathOf, RESOURCES } from '../cluster/resources.ts';
import { NodeReadError } from '../transport.ts';

/** A pod by name, as people write it to kubectl. */
export interface PodName {
  readonly namespace: string;
  readonly name: string;
}

/** Milliseconds for the removal of one pod; it must not hold the end of the program for long. */
const DELETE_BUDGET_MS = 10_000;
const CREATE_ATTEMPTS = 3;

/** What a reading needs beside `create`, whose refusal a dry run tells. */
const NEEDED = [
  { verb: 'get', resource: 'pods', subresource: '' },
  { verb: 'delete', resource: 'pods', subresource: '' },
  { verb: 'get', resource: 'pods', subresource: 'exec' },
] as const;

/** Making, watching and removing the pods that read nodes. */
export class DebugPodApi {
  readonly #connection: ClusterConnection;
  readonly #namespace: string;

  constructor(connection: ClusterConnection, namespace: string) {
    this.#connection = connection;
    this.#namespace = namespace;
  }

  /** Whether the pod could be made, and removed again, without making it. @throws NodeReadError with what is in the way */
  async rehearse(manifest: object, signal: AbortSignal): Promise<void> {
    await this.#post(manifest, { dryRun: 'All' }, signal);
    for (const { verb, resource, subresource } of NEEDED) {
      const attributes = { namespace: this.#namespace, verb, resource, ...(subresource === '' ? {} : { subresource }) };
      if (await this.#mayNot(attributes, signal))
        throw this.#unreadable(verb, [resource, subresource].filter(Boolean).join('/'));
    }
  }

  /** Not ended by a signal: what is on its way to the API server could become a pod nobody knows of. */
  async create(manifest: object): Promise<void> {
    await this.#post(manifest, {}, undefined);
  }

  /** @throws ClusterError */
  async get({ namespace, name }: PodName, signal: AbortSignal): Promise<unknown> {
    return this.#connection.get(pathOf(RESOURCES.pods, namespace, name), {}, signal);
  }

  /**
   * Removes a pod at once, whatever became of the run.
   * @throws ClusterError when it could not be; one that is gone already is no error
   */
  async remove(pod: PodName): Promise<void> {
    const signal = AbortSignal.timeout(DELETE_BUDGET_MS);
    for (let attempt = 1; ; attempt++) {
      try {
        await this.#connection.send({
          method: 'DELETE',
          path: pathOf(RESOURCES.pods, pod.namespace, pod.name),
          body: { apiVersion: 'v1', kind: 'DeleteOptions', gracePeriodSeconds: 0, propagationPolicy: 'Background' },
          signal,
        });
        return;
      } catch (error) {
        if (error instanceof ClusterError && error.status === 404) return;
        const mayPass = !(error instanceof ClusterError) || error.status === null || error.status >= 429;
        if (!mayPass || signal.aborted || attempt === CREATE_ATTEMPTS) throw error;
        await sleep(200 * attempt);
      }
    }
  }

  /** POST is not repeated by the connection; here a failure of the server leaves nothing behind that the name does not lead to. */
  async #post(
    manifest: object,
    query: Readonly<Record<string, string>>,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    const path = pathOf(RESOURCES.pods, this.#namespace);
    for (let attempt = 1; ; attempt++) {
      try {
        await this.#connection.send({ method: 'POST', path, query, body: manifest, signal });
        return;
      } catch (error) {
        if (!(error instanceof ClusterError)) throw error;
        // An attempt whose answer was lost may have made it.
        if (error.status === 409 && error.reason === 'AlreadyExists' && attempt > 1) return;
        const mayPass = error.status === null || error.status >= 429;
        if (!mayPass || attempt === CREATE_ATTEMPTS) throw this.#notMade(error);
        await sleep(200 * attempt);
      }
    }
  }

  /** False where the server does not say. */
  async #mayNot(resourceAttributes: object, signal: AbortSignal): Promise<boolean> {
    try {
      const review = await this.#connection.send({
        method: 'POST',
        path: '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews',
        body: { apiVersion: 'authorization.k8s.io/v1', kind: 'SelfSubjectAccessReview', spec: { resourceAttributes } },
        signal,
      });
      return at(review, 'status', 'allowed') === false;
    } catch (error) {
      if (error instanceof ClusterError) return false;
      throw error;
    }
  }

  #unreadable(verb: string, resource: string): NodeReadError {
    const what = `cannot ${verb} resource "${resource}" in API group "" in the namespace "${this.#namespace}"`;
    const why = verb === 'delete' ? 'a pod that cannot be removed is not made' : 'a pod would be made for nothing';
    return new NodeReadError('forbidden', `the user ${what}: ${why}`, RBAC_HINT);
  }

  #notMade(error: ClusterError): NodeReadError {
    const cause = { cause: error };
    const { message } = error;
    if (/violates PodSecurity/.test(message)) {
      return new NodeReadError('admission-denied', message, this.#podSecurityHint(), cause);
    }
    if (error.status === 403 && /cannot create resource/.test(message)) {
      return new NodeReadError('forbidden', message, RBAC_HINT, cause);
    }
    if (error.status === 404) {
      return new NodeReadError('configuration', message, `Name a namespace that exists: --debug-namespace NAME`, cause);
    }
    if (error.status !== null && error.status < 500 && error.status !== 429) {
      const tryThis = 'Ask who set this limit, or use another namespace: --debug-namespace NAME';
      return new NodeReadError('admission-denied', message, tryThis, cause);
    }
    if (/webhook/.test(message)) {
      return new NodeReadError(
        'admission-denied',
        message,
        'The webhook has trouble; use another --debug-namespace.',
        cause,
      );
    }
    return new NodeReadError('command-failed', message, error.suggestion, cause);
  }

  #podSecurityHint(): string {
    const label = 'pod-security.kubernetes.io/enforce=privileged';
    return `Use a namespace that lets host pods be: --debug-namespace NAME, with kubectl label namespace NAME ${label}`;
  }
}

const RBAC_HINT = 'kubectl svcdoctor rbac --via debug-pod prints the roles.';
