import { ClusterError } from './cluster-error.ts';
import type { Method } from './http-client.ts';
import { isRecord, textOf } from './json-value.ts';

/** An HTTP answer, read to its end. */
export interface Answer {
  readonly status: number;
  readonly contentType: string;
  /** Seconds or a date, as sent; '' when absent. */
  readonly retryAfter: string;
  /** Where a redirect leads; '' when absent. */
  readonly location: string;
  readonly body: Buffer;
}

/** What an answer is the answer to. */
export interface AskedFor {
  readonly method: Method;
  readonly path: string;
}

const LONGEST = 1000;

/** The parsed body of an answer with status 2xx. @throws ClusterError for any other, and for a body that is not JSON */
export function readAnswer(answer: Answer, request: AskedFor, server: URL): unknown {
  if (answer.status === 401) {
    throw new ClusterError(
      'error: You must be logged in to the server (Unauthorized)',
      'Log in again, or check the token or certificate: kubectl auth whoami',
      { status: 401, reason: 'Unauthorized' },
    );
  }
  const body = parseBody(answer);
  if (answer.status >= 200 && answer.status < 300 && body !== undefined) return body;
  if (body === undefined && (answer.status < 400 || /html/i.test(answer.contentType)))
    throw notKubernetes(answer, server);
  throw statusError(answer, body, request);
}

/** The body of an answer that is plain text. @throws ClusterError for any other answer */
export function readText(answer: Answer, request: AskedFor, server: URL): string {
  const isText = answer.status >= 200 && answer.status < 300 && answer.contentType.startsWith('text/plain');
  if (isText) return answer.body.toString('utf8');
  readAnswer(answer, request, server);
  throw notKubernetes(answer, server);
}

function parseBody(answer: Answer): unknown {
  try {
    const parsed: unknown = JSON.parse(answer.body.toString('utf8'));
    return isRecord(parsed) ? parsed : undefined;
  } catch {
    return undefined;
  }
}

function notKubernetes(answer: Answer, server: URL): ClusterError {
  const type = oneLine(answer.contentType.split(';')[0] ?? '') || 'no content type';
  const redirect = answer.location === '' ? '' : `, a redirect to ${oneLine(answer.location)}`;
  return new ClusterError(
    `${server.host} answered, but not as a Kubernetes API (status ${answer.status}, ${type}${redirect})`,
    'Is this a login page or a proxy? kubectl config view --minify shows the address.',
    { status: answer.status },
  );
}

function statusError(answer: Answer, body: unknown, request: AskedFor): ClusterError {
  const status = isRecord(body) && body['kind'] === 'Status' ? body : {};
  const reason = textOf(status['reason']) || reasonOf(answer.status);
  const said = textOf(status['message']) || answer.body.toString('utf8');
  const generic =
    answer.status >= 500
      ? `an error on the server (${JSON.stringify(oneLine(said))}) has prevented the request from succeeding`
      : oneLine(said) || 'the server could not find the requested resource';
  const message = textOf(status['message']) === '' ? generic : oneLine(said);
  const unsaid = message.endsWith('is forbidden:') ? unsaidRefusal(request.path) : '';
  return new ClusterError(`Error from server (${reason}): ${message}${unsaid}`, suggestionFor(answer.status, request), {
    status: answer.status,
    reason,
  });
}

/**
 * What an API server leaves out since 1.35: it says `pods "NAME" is forbidden:` and no more to whom it would let `get` a subresource over
 * a WebSocket, but who may not `create` it.
 */
function unsaidRefusal(path: string): string {
  const [, namespace = '', resource = '', subresource = ''] =
    /\/namespaces\/([^/]+)\/([^/]+)\/[^/]+\/([^/]+)$/.exec(path) ?? [];
  if (subresource === '') return '';
  return ` the user cannot create resource "${resource}/${subresource}" in API group "" in the namespace "${namespace}"`;
}

function reasonOf(status: number): string {
  const known: Readonly<Record<number, string>> = {
    400: 'BadRequest',
    403: 'Forbidden',
    404: 'NotFound',
    407: 'ProxyAuthRequired',
    410: 'Expired',
    429: 'TooManyRequests',
    500: 'InternalError',
    503: 'ServiceUnavailable',
    504: 'Timeout',
  };
  return known[status] ?? `status ${status}`;
}

function suggestionFor(status: number, request: AskedFor): string {
  const asked = describeRequest(request.path, request.method);
  if (status === 403) {
    const where = asked.namespace === null ? '--all-namespaces' : `-n ${asked.namespace}`;
    return `May not ${asked.words}: kubectl auth can-i ${asked.verb} ${asked.resource} ${where}`;
  }
  if (status === 429) return 'The API server is busy: try again in a while.';
  if (status >= 500) return 'The API server has trouble: kubectl get --raw /readyz?verbose';
  return `It was asked to ${asked.words}.`;
}

/** A request path as verb, resource and namespace, in the words of RBAC. */
export interface RequestWords {
  readonly verb: string;
  /** `endpointslices.discovery.k8s.io`, with the object's name where there is one: `configmaps/kube-proxy`. */
  readonly resource: string;
  /** null: of the whole cluster. */
  readonly namespace: string | null;
  /** `list services in namespace "default"` */
  readonly words: string;
}

/** RBAC's verb for a method; a GET without a name is a `list`. */
const VERBS: Readonly<Record<Method, string>> = {
  GET: 'get',
  POST: 'create',
  PUT: 'update',
  PATCH: 'patch',
  DELETE: 'delete',
};

/** Reads a path such as `/apis/discovery.k8s.io/v1/namespaces/default/endpointslices`. */
export function describeRequest(path: string, method: Method = 'GET'): RequestWords {
  const parts = path.split('/').filter((part) => part !== '');
  const group = parts[0] === 'apis' ? (parts[1] ?? '') : '';
  let rest = parts.slice(group === '' ? 2 : 3);
  let namespace: string | null = null;
  if (rest[0] === 'namespaces' && rest.length > 2) {
    namespace = decodeURIComponent(rest[1] ?? '');
    rest = rest.slice(2);
  }
  const [plural = path, name, subresource] = rest.map(decodeURIComponent);
  const qualified = group === '' ? plural : `${plural}.${group}`;
  const object = name === undefined ? qualified : `${qualified}/${name}`;
  const resource = subresource === undefined ? object : `${object} --subresource=${subresource}`;
  const verb = name === undefined && method === 'GET' ? 'list' : VERBS[method];
  const where = namespace === null ? '' : ` in namespace "${namespace}"`;
  const what = subresource === undefined ? object : `${subresource} of ${object}`;
  return { verb, resource, namespace, words: `${verb} ${what}${where}` };
}

/** A stranger's text as one harmless line: control characters are blanked, length is bounded. */
export function oneLine(text: string): string {
  const plain = text
    .slice(0, 4 * LONGEST)
    .replace(/[\p{Cc}\p{Cf}\u2028\u2029]+/gu, ' ')
    .trim();
  return plain.length > LONGEST ? `${plain.slice(0, LONGEST)}…` : plain;
}
