/** What was asked of the cluster's DNS servers, and what they answered: `cluster/dns.json`. */

export const DNS_TYPES = ['A', 'AAAA', 'CNAME', 'PTR'] as const;

export type DnsType = (typeof DNS_TYPES)[number];

export interface DnsQuestion {
  /** Complete, without the dot at its end. */
  readonly name: string;
  readonly type: DnsType;
}

export interface DnsRecord {
  readonly name: string;
  readonly type: DnsType;
  /** Seconds for which it may still be kept. */
  readonly ttl: number;
  /** An address, or a name without the dot at its end. */
  readonly data: string;
}

export interface DnsResponse {
  /** `NOERROR`, `NXDOMAIN`, `SERVFAIL`, `REFUSED`…; `RCODE9` for one without a usual name. */
  readonly rcode: string;
  /** True: there would be more, for which the message had no room. */
  readonly truncated: boolean;
  readonly answers: readonly DnsRecord[];
  /** Seconds for which the absence of an answer may be kept: of the SOA record that comes with it (RFC 2308). */
  readonly negativeTtl: number | null;
}

/** One question to one server. */
export interface DnsAnswer extends DnsQuestion {
  /** `kube-system/coredns-5d78c9869d-abcde`, the pod. */
  readonly server: string;
  /** RFC 3339, when the answer came. */
  readonly at: string;
  /** null: there was none, for the reason in `error`. */
  readonly response: DnsResponse | null;
  readonly error: string | null;
}

/** The content of `cluster/dns.json` where there is nobody to ask. */
export interface NoDns {
  /** Why, in words. */
  readonly unavailable: string;
}

/** The content of `cluster/dns.json`. */
export interface DnsReading {
  /** The cluster's domain, `cluster.local`. */
  readonly zone: string;
  /** How the zone is known, in words. */
  readonly zoneFrom: string;
  /** CoreDNS' configuration with nothing but what plugins there are and how `kubernetes` is set; null: not read. */
  readonly corefile: string | null;
  /** Why it was not read; null: it was, or the servers have none. */
  readonly corefileError: string | null;
  /** Pods that were asked. */
  readonly servers: readonly string[];
  /** Ready pods that were not asked, because some had been already. */
  readonly otherServers: readonly string[];
  readonly answers: readonly DnsAnswer[];
  /** `namespace/name` of the Services that nobody asked about: there were too many. */
  readonly unasked: readonly string[];
}

/** What the checks know of the cluster's DNS. */
export interface DnsFacts {
  readonly zone: string;
  readonly servers: readonly string[];
  /** Of a Service: `namespace/name`. */
  readonly isUnasked: (service: string) => boolean;
  /** In the order of the servers; empty: it was not asked. */
  readonly answersTo: (question: DnsQuestion) => readonly DnsAnswer[];
  /** Seconds after which no answer is given any more that was right before the API changed. */
  readonly keptFor: number;
  /** How the servers are set up; null: not known. */
  readonly configuration: DnsConfiguration | null;
}

/** What of a Corefile decides about the answers for Services. */
export interface DnsConfiguration {
  /** Plugins that may answer in place of `kubernetes`, or change what it answers. */
  readonly changing: readonly string[];
  /** Things in it whose content is not known and that may be such plugins: `import`, `hosts`. */
  readonly unknown: readonly string[];
  /** Namespaces whose Services have names; null: all. */
  readonly namespaces: readonly string[] | null;
  /** Options of `kubernetes` that leave Services or endpoints out by what is not known here. */
  readonly selective: readonly string[];
  /** `ignore empty_service`: a Service without endpoints has no name. */
  readonly ignoresEmpty: boolean;
  /** An answer may come from a cache. */
  readonly caches: boolean;
}

/** The name under which pods know a Service: `hostnames.default.svc.cluster.local`. */
export function serviceName(service: string, namespace: string, zone: string): string {
  return `${service}.${namespace}.svc.${zone}`;
}

/** Names are the same whatever their case, and with or without the dot at their end. */
export function plainName(name: string): string {
  return name.replace(/\.$/, '').toLowerCase();
}
