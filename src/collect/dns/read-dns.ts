import type { Duplex } from 'node:stream';
import type { DnsAnswer, DnsQuestion, DnsReading, NoDns } from '../../model/dns.ts';
import { ClusterError } from '../cluster/cluster-error.ts';
import type { ClusterConnection } from '../cluster/connection.ts';
import { at, textOf } from '../cluster/json-value.ts';
import { getOne } from '../cluster/list-all.ts';
import { partOf, type ReadPart } from '../cluster/read-part.ts';
import { RESOURCES } from '../cluster/resources.ts';
import { askServer, type AskOptions } from './ask.ts';
import { type DnsServer, findDnsServers, NoDnsServers } from './find-servers.ts';
import { findZone } from './find-zone.ts';
import { pruneCorefile } from './prune-corefile.ts';
import { type DnsQuestions, questionsFor } from './questions.ts';

export interface DnsRequest {
  readonly connection: ClusterConnection;
  /** The Services asked about, as the API server sent them. */
  readonly services: readonly unknown[];
  /** Opens a stream to a TCP port of a pod. */
  readonly open: (server: DnsServer, signal: AbortSignal) => Promise<Duplex>;
  readonly signal: AbortSignal;
  readonly now: () => Date;
  /** Milliseconds for one answer; default 5 s. */
  readonly timeoutMs?: number;
}

/** Servers that are asked the same, so that one that differs is seen; more would be load for nothing. */
const MOST_SERVERS = 3;

const TIMEOUT_MS = 5000;

/**
 * Asks the cluster's DNS servers for the Services' names. Whatever goes wrong is the part's error, or the answer's: DNS
 * never costs the rest of a run.
 * @throws the signal's reason
 */
export async function readDns(request: DnsRequest): Promise<ReadPart> {
  try {
    const reading = await read(request);
    const silence = silenceOf(reading);
    return partOf('dns', silence === null ? reading : undefined, silence);
  } catch (error) {
    request.signal.throwIfAborted();
    if (error instanceof NoDnsServers) return partOf('dns', { unavailable: error.message } satisfies NoDns);
    const words = error instanceof Error ? error.message : String(error);
    return partOf('dns', undefined, new ClusterError(`cannot ask the cluster DNS: ${words}`, TRY, { cause: error }));
  }
}

const TRY = 'kubectl -n kube-system get pods';

/** Answers there are none: then the first reason is the reason for all. */
function silenceOf({ answers, servers }: DnsReading): ClusterError | null {
  const [first] = answers;
  if (first === undefined || answers.some(({ response }) => response !== null)) return null;
  return new ClusterError(`cannot ask the cluster DNS (${servers.join(', ')}): ${first.error ?? 'no answer'}`, TRY);
}

async function read(request: DnsRequest): Promise<DnsReading> {
  const { connection, services, signal, now, timeoutMs = TIMEOUT_MS } = request;
  const found = await findDnsServers(connection, signal);
  const servers = found.slice(0, MOST_SERVERS);
  const options = { timeoutMs, signal, now };
  const { corefile, corefileError } = await readCorefile(connection, servers, signal);
  const [first] = servers;
  const { zone, zoneFrom } = await findZone(corefile, services, async (questions) =>
    first === undefined ? [] : ask(request, first, questions, options),
  );
  const questions = questionsFor(services, zone);
  const answers = await Promise.all(servers.map((server) => askAll(request, server, questions, options)));
  return {
    zone,
    zoneFrom,
    corefile,
    corefileError,
    servers: servers.map(nameOfServer),
    otherServers: found.slice(MOST_SERVERS).map(nameOfServer),
    answers: answers.flat(),
    unasked: questions.unasked,
  };
}

/** The cluster's own names first: what waits for servers elsewhere has a connection of its own. */
async function askAll(
  request: DnsRequest,
  server: DnsServer,
  { own, targets }: DnsQuestions,
  options: AskOptions,
): Promise<readonly DnsAnswer[]> {
  const [mine, others] = await Promise.all([
    ask(request, server, own, options),
    ask(request, server, targets, options),
  ]);
  return [...mine, ...others];
}

async function ask(
  { open }: DnsRequest,
  server: DnsServer,
  questions: readonly DnsQuestion[],
  options: AskOptions,
): Promise<readonly DnsAnswer[]> {
  return askServer(nameOfServer(server), async (signal) => open(server, signal), questions, options);
}

function nameOfServer({ namespace, pod }: DnsServer): string {
  return `${namespace}/${pod}`;
}

/** Without it the answers are there all the same, and count for a little less. */
async function readCorefile(
  connection: ClusterConnection,
  [server]: readonly DnsServer[],
  signal: AbortSignal,
): Promise<Pick<DnsReading, 'corefile' | 'corefileError'>> {
  if (server === undefined || server.configMap === null) return { corefile: null, corefileError: null };
  const { namespace, configMap } = server;
  try {
    const object = await getOne(connection, RESOURCES.configMaps, namespace, configMap, signal);
    const text = textOf(at(object, 'data', 'Corefile'));
    if (text === '') return { corefile: null, corefileError: null };
    const corefile = pruneCorefile(text);
    return { corefile, corefileError: corefile === null ? 'its braces do not match' : null };
  } catch (error) {
    if (!(error instanceof ClusterError)) throw error;
    return {
      corefile: null,
      corefileError: `cannot get configmaps/${configMap} in namespace "${namespace}": ${error.message}`,
    };
  }
}
