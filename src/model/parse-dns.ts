import {
  fileName,
  isObject,
  MalformedClusterFile,
  readList,
  readNumber,
  readObjects,
  readText,
  describe,
} from './decode.ts';
import type { JsonObject, ObjectReader } from './decode.ts';
import { configurationOf } from './dns-configuration.ts';
import {
  DNS_TYPES,
  plainName,
  type DnsAnswer,
  type DnsFacts,
  type DnsRecord,
  type DnsResponse,
  type DnsType,
} from './dns.ts';
import type { ObjectNote } from './service.ts';
import type { ClusterFile } from './snapshot.ts';

/** What was asked of the DNS servers, from `cluster/dns.json`; null: nobody asked. @throws MalformedClusterFile */
export function parseDns(files: ReadonlyMap<ClusterFile, unknown>, notes: ObjectNote[]): DnsFacts | null {
  if (!files.has('dns')) return null;
  const content = files.get('dns');
  if (!isObject(content)) throw new MalformedClusterFile('dns', 'the document', `is ${describe(content)}`);
  const reader: ObjectReader = { source: fileName('dns'), object: 'answers', notes };
  const zone = readText(reader, content, '', 'zone');
  if (zone === null) return null;
  const corefile = readText(reader, content, '', 'corefile');
  const configuration = corefile === null ? null : configurationOf(corefile, zone);
  const unasked = new Set(texts(reader, content, 'unasked'));
  const all = readObjects(reader, content, '', 'answers').flatMap(({ value, path }) => readAnswer(reader, value, path));
  const answers = Map.groupBy(all, ({ name, type }) => keyOf(name, type));
  return {
    zone,
    servers: texts(reader, content, 'servers'),
    isUnasked: (service) => unasked.has(service),
    answersTo: ({ name, type }) => answers.get(keyOf(name, type)) ?? [],
    keptFor: configuration?.caches === false ? 0 : Math.min(LONGEST_KEPT, Math.max(0, ...all.map(lifetimeOf))),
    configuration,
  };
}

function keyOf(name: string, type: DnsType): string {
  return `${type} ${plainName(name)}`;
}

/** Nobody waits longer; CoreDNS' own records live 5 s, or 30 s in clusters that kubeadm has made. */
const LONGEST_KEPT = 60;

function lifetimeOf({ response }: DnsAnswer): number {
  return Math.max(0, ...(response?.answers ?? []).map(({ ttl }) => ttl), response?.negativeTtl ?? 0);
}

/** Why nobody could be asked; null: somebody was, or nobody has tried. */
export function dnsUnavailable(files: ReadonlyMap<ClusterFile, unknown>): string | null {
  const content = files.get('dns');
  return isObject(content) && typeof content['unavailable'] === 'string' ? content['unavailable'] : null;
}

function texts(reader: ObjectReader, owner: JsonObject, key: string): readonly string[] {
  return readList(reader, owner, '', key).filter((item) => typeof item === 'string');
}

function readAnswer(reader: ObjectReader, value: JsonObject, path: string): readonly DnsAnswer[] {
  const name = readText(reader, value, path, 'name');
  const type = readType(value);
  const server = readText(reader, value, path, 'server');
  if (name === null || type === null || server === null) return [];
  const response = isObject(value['response']) ? readResponse(reader, value['response'], path) : null;
  const error = readText(reader, value, path, 'error');
  return [{ name, type, server, at: readText(reader, value, path, 'at') ?? '', response, error }];
}

function readResponse(reader: ObjectReader, value: JsonObject, path: string): DnsResponse {
  return {
    rcode: readText(reader, value, path, 'rcode') ?? '',
    truncated: value['truncated'] === true,
    answers: readObjects(reader, value, path, 'answers').flatMap((record) => readRecord(reader, record.value, path)),
    negativeTtl: readNumber(reader, value, path, 'negativeTtl', 0, MOST_SECONDS),
  };
}

const MOST_SECONDS = 0xff_ff_ff_ff;

function readRecord(reader: ObjectReader, value: JsonObject, path: string): readonly DnsRecord[] {
  const name = readText(reader, value, path, 'name');
  const data = readText(reader, value, path, 'data');
  const type = readType(value);
  if (name === null || data === null || type === null) return [];
  return [{ name: plainName(name), type, ttl: readNumber(reader, value, path, 'ttl', 0, MOST_SECONDS) ?? 0, data }];
}

function readType(value: JsonObject): DnsType | null {
  return DNS_TYPES.find((type) => type === value['type']) ?? null;
}
