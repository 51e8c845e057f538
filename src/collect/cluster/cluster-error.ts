/** More about an answer that was an error. */
export interface ClusterErrorDetails {
  /** HTTP status of the answer, absent when there was none. */
  readonly status?: number;
  /** `reason` of the server's Status object, e.g. `Forbidden`, `Expired`. */
  readonly reason?: string;
  readonly cause?: unknown;
}

/** The cluster could not be asked, or would not answer. The program could not run: exit code 2. */
export class ClusterError extends Error {
  override readonly name: string = 'ClusterError';
  readonly exitCode = 2;
  /** The one thing to try, a command where there is one. */
  readonly suggestion: string;
  readonly status: number | null;
  readonly reason: string | null;

  constructor(message: string, suggestion: string, details: ClusterErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.suggestion = suggestion;
    this.status = details.status ?? null;
    this.reason = details.reason ?? null;
  }
}

/** A Service that was asked for by name does not exist. */
export class UnknownServiceError extends ClusterError {
  override readonly name = 'UnknownServiceError';
  readonly namespace: string;
  /** The names that were not found. */
  readonly services: readonly string[];
  /** Existing Services of the namespace with a name like one of them, nearest first. */
  readonly nearMatches: readonly string[];
  /** Other namespaces that have a Service of the same name; empty when they could not be listed. */
  readonly otherNamespaces: readonly string[];

  constructor(
    namespace: string,
    services: readonly string[],
    nearMatches: readonly string[],
    otherNamespaces: readonly string[],
  ) {
    super(unknownServiceMessage(namespace, services, nearMatches), suggestionFor(namespace, otherNamespaces), {
      status: 404,
      reason: 'NotFound',
    });
    this.namespace = namespace;
    this.services = services;
    this.nearMatches = nearMatches;
    this.otherNamespaces = otherNamespaces;
  }
}

function unknownServiceMessage(namespace: string, services: readonly string[], near: readonly string[]): string {
  const missing = services.map((name) => `"${name}"`).join(', ');
  const hint = near.length > 0 ? `; did you mean ${near.map((name) => `"${name}"`).join(' or ')}?` : '';
  return `services ${missing} not found in namespace "${namespace}"${hint}`;
}

function suggestionFor(namespace: string, otherNamespaces: readonly string[]): string {
  const [first] = otherNamespaces;
  if (first === undefined) return `kubectl get services -n ${namespace}`;
  return `There is one in ${otherNamespaces.map((name) => `"${name}"`).join(', ')}: add -n ${first}`;
}
