import { isObject, type JsonObject } from './decode.ts';

/** What kube-proxy's `/healthz` answered. */
export interface ProxyHealth {
  /** HTTP status: 200, or 503 when a change waits for too long, or the node is to go away. */
  readonly status: number;
  /** Seconds since 1970 by the node's clock; null: not said. */
  readonly currentTime: number | null;
  /** False while the node is to be deleted (KEP-3836, kube-proxy 1.28 and later); null: not said. */
  readonly nodeEligible: boolean | null;
  /** Last success of the family that had one last. With status 200 it is just the time of the answer. */
  readonly lastUpdated: number | null;
  /** By IP family, `IPv4` and `IPv6`; empty before 1.33 or so. */
  readonly families: ReadonlyMap<string, FamilyHealth>;
}

export interface FamilyHealth {
  readonly healthy: boolean;
  /** End of its last successful synchronisation, seconds since 1970; null: none yet. */
  readonly lastUpdated: number | null;
}

/**
 * Reads an HTTP answer: a first line with the status (`HTTP 200`, `HTTP/1.1 503 Service Unavailable`), perhaps headers, and
 * kube-proxy's JSON. null: it is none, for example of something else on that port.
 */
export function parseProxyHealth(text: string): ProxyHealth | null {
  const status = /^HTTP(?:\/[\d.]+)? (\d{3})\b/.exec(text)?.[1];
  const body = parseBody(text);
  if (status === undefined || body === null) return null;
  const eligible = body['nodeEligible'];
  return {
    status: Number(status),
    currentTime: timeOf(body['currentTime']),
    nodeEligible: typeof eligible === 'boolean' ? eligible : null,
    lastUpdated: timeOf(body['lastUpdated']),
    families: familiesOf(body['status']),
  };
}

function parseBody(text: string): JsonObject | null {
  const start = text.indexOf('{');
  if (start < 0) return null;
  try {
    const body: unknown = JSON.parse(text.slice(start));
    return isObject(body) && 'lastUpdated' in body && 'currentTime' in body ? body : null;
  } catch {
    return null;
  }
}

function familiesOf(status: unknown): ProxyHealth['families'] {
  if (!isObject(status)) return new Map();
  return new Map(
    Object.entries(status).flatMap(([family, health]) => {
      if (!isObject(health) || typeof health['healthy'] !== 'boolean') return [];
      return [[family, { healthy: health['healthy'], lastUpdated: timeOf(health['lastUpdated']) }] as const];
    }),
  );
}

/** As JSON has it, or as Go prints a time: `2026-11-25 09:30:10.123456789 +0000 UTC m=+31.2`. Year 1 is none. */
const TIME = /^(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d(?:\.\d{1,3})?)\d* ?(Z|[+-]\d\d:?\d\d)/;

function timeOf(value: unknown): number | null {
  const [, date, time, zone] = (typeof value === 'string' ? TIME.exec(value) : null) ?? [];
  if (date === undefined || time === undefined || zone === undefined || date.startsWith('0001')) return null;
  const milliseconds = Date.parse(`${date}T${time}${zone.replace(/(\d\d)(\d\d)$/, '$1:$2')}`);
  return Number.isNaN(milliseconds) ? null : milliseconds / 1000;
}
