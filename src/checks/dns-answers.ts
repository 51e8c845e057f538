import type { Family } from '../model/address.ts';
import { parseIp } from '../model/address.ts';
import {
  type DnsAnswer,
  type DnsConfiguration,
  type DnsResponse,
  type DnsType,
  plainName,
  serviceName,
} from '../model/dns.ts';
import type { Service } from '../model/service.ts';
import { judged, type Fault, type Judgement } from './check.ts';
import type { ServiceView } from './world.ts';

/** What the checks of DNS answers share. */

/** What a name should be answered with. */
export interface WantedAnswer {
  readonly type: DnsType;
  /** Addresses, or one name; empty: no answer at all, or one without a record. */
  readonly values: readonly string[];
}

export const TYPE_OF: Readonly<Record<Family, DnsType>> = { IPv4: 'A', IPv6: 'AAAA' };

/** `hostnames.default.svc.cluster.local`; null: no server was asked. */
export function nameInDns({ service, cluster }: ServiceView): string | null {
  return cluster.dns === null ? null : serviceName(service.name, service.namespace, cluster.dns.zone);
}

/** Whether any of these questions about the Service was put to a server. */
export function wasAsked(view: ServiceView, types: readonly DnsType[]): boolean {
  const name = nameInDns(view);
  return name !== null && types.some((type) => (view.cluster.dns?.answersTo({ name, type }) ?? []).length > 0);
}

/** Holds each server's answers for the Service's name to what they should be. `what`: the right answer, in words. */
export function judgeAnswers(view: ServiceView, wanted: readonly WantedAnswer[], what: string): Judgement {
  const { dns } = view.cluster;
  const name = nameInDns(view);
  if (dns === null || name === null) return judged([]);
  const replies = wanted.flatMap(({ type, values }) =>
    dns.answersTo({ name, type }).map((answer) => replyOf(answer, values)),
  );
  const wrong = replies.filter((reply) => reply.status === 'other');
  const open = replies.flatMap((reply) => (reply.status === 'unclear' ? [`${reply.server} ${reply.words}`] : []));
  if (wrong.length === 0) return open.length === 0 ? judged([]) : { status: 'undetermined', because: distinct(open) };
  const meant = mayBeMeant(view.service, dns.configuration);
  if (meant !== null) return { status: 'undetermined', because: `DNS does not answer ${name} with ${what}: ${meant}` };
  const asked = new Set(replies.map(({ server }) => server)).size;
  return judged([faultOf(name, wanted, wrong, what, dns.configuration, asked)]);
}

function faultOf(
  name: string,
  wanted: readonly WantedAnswer[],
  wrong: readonly Other[],
  what: string,
  configuration: DnsConfiguration | null,
  asked: number,
): Fault {
  const servers = new Set(wrong.map(({ server }) => server));
  const byWords = Map.groupBy(wrong, ({ words }) => words);
  const found = [...byWords].map(([words, replies]) => `${distinct(replies.map(({ server }) => server))}: ${words}`);
  return {
    title: `DNS does not answer ${name} with ${what}`,
    cause: distinct(wrong.map(({ type }) => type)),
    expected: wanted.flatMap(({ type, values }) => values.map((value) => `${name} ${type} ${value}`)),
    proof: [],
    found: `${found.join('; ')}${servers.size < asked ? ` (${servers.size} of ${asked} servers)` : ''}`,
    confidence: confidenceIn(configuration),
    fix: [...servers].slice(0, 3).map((server) => `kubectl -n ${server.replace('/', ' logs ')} --tail=50`),
  };
}

/** Without the configuration it is not known whether other answers are meant; with parts of it nearly so. */
function confidenceIn(configuration: DnsConfiguration | null): Fault['confidence'] {
  if (configuration === null) return 'likely';
  return configuration.unknown.length > 0 ? 'hint' : 'certain';
}

/** Why the servers may be set up to answer otherwise; null: they are not. */
function mayBeMeant(service: Service, configuration: DnsConfiguration | null): string | null {
  if (configuration === null) return null;
  const { changing, selective, namespaces } = configuration;
  if (namespaces !== null && !namespaces.includes(service.namespace)) {
    return `their Corefile has names for the namespaces ${namespaces.join(', ')} only`;
  }
  const settings = [...changing, ...selective];
  return settings.length === 0 ? null : `their Corefile has ${settings.join(', ')}, and it may be meant so`;
}

type Reply =
  | { readonly status: 'right'; readonly server: string }
  | { readonly status: 'unclear'; readonly server: string; readonly words: string }
  | Other;

/** An answer that differs. */
interface Other {
  readonly status: 'other';
  readonly server: string;
  readonly type: DnsType;
  readonly words: string;
}

function replyOf({ server, type, response, error }: DnsAnswer, values: readonly string[]): Reply {
  if (response === null) return { status: 'unclear', server, words: `gave no answer: ${error ?? 'unknown reason'}` };
  if (response.rcode !== 'NOERROR' && response.rcode !== 'NXDOMAIN') {
    return { status: 'unclear', server, words: `answered ${response.rcode}` };
  }
  if (response.truncated) return { status: 'unclear', server, words: 'answered with more than fits into a message' };
  const found = valuesOf(response);
  if (found.length === values.length && found.every((value) => values.includes(value)))
    return { status: 'right', server };
  return { status: 'other', server, type, words: wordsFor(type, response, found, values) };
}

/** An alias is the answer itself, wherever it leads. */
function valuesOf({ answers }: DnsResponse): readonly string[] {
  const alias = answers.find(({ type }) => type === 'CNAME');
  if (alias !== undefined) return [plainName(alias.data)];
  return [...new Set(answers.map(({ data }) => parseIp(data) ?? data))].toSorted();
}

const SHOWN = 5;

function wordsFor(
  type: DnsType,
  { rcode, answers }: DnsResponse,
  found: readonly string[],
  wanted: readonly string[],
): string {
  if (found.length === 0) return rcode === 'NOERROR' ? `no ${type} record` : rcode;
  if (answers.some((answer) => answer.type === 'CNAME')) return `CNAME ${found.join()}`;
  const missing = wanted.filter((value) => !found.includes(value));
  const surplus = found.filter((value) => !wanted.includes(value));
  // Of a long list only what differs is of use.
  if (found.length <= SHOWN) return `${type} ${found.join(', ')}`;
  const parts = [
    ...(missing.length > 0 ? [`without ${some(missing)}`] : []),
    ...(surplus.length > 0 ? [`with ${some(surplus)}`] : []),
  ];
  return `${found.length} ${type} records ${parts.join(' and ')}`;
}

function some(values: readonly string[]): string {
  const more = values.length > SHOWN ? ` and ${values.length - SHOWN} more` : '';
  return `${values.slice(0, SHOWN).join(', ')}${more}`;
}

function distinct(words: readonly string[]): string {
  return [...new Set(words)].join(', ');
}
