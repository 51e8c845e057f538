import type { Cidr, Family, Ip } from '../model/address.ts';

/**
 * iptables as a language: the closed set of what a saved rule can say. Knows nothing of Kubernetes.
 *
 * What the parser does not understand stays in the tree, as text: a match as `opaque` (syntax known, meaning not
 * modelled) or `unrecognised` (not even the syntax), a target as `opaque` or `unrecognised`.
 */

/** Which of the two kernel interfaces a save was read through; `unknown` for a plain `iptables-save`. */
export type Backend = 'nft' | 'legacy' | 'unknown';

export type TableName = string;
export type ChainName = string;

/** Packets and bytes, as `-c` prints them. */
export interface Counters {
  readonly packets: number;
  readonly bytes: number;
}

/** One complete answer of iptables-save or ip6tables-save. */
export interface Ruleset {
  readonly family: Family;
  readonly backend: Backend;
  /** Name of the evidence file, e.g. `iptables-nft-save`; proof quotes it. */
  readonly source: string;
  readonly tables: ReadonlyMap<TableName, Table>;
}

export interface Table {
  readonly name: TableName;
  /** In the order of the save. */
  readonly chains: ReadonlyMap<ChainName, Chain>;
}

export interface Chain {
  readonly name: ChainName;
  /** `ACCEPT` or `DROP` for a built-in chain, null for a user-defined one. */
  readonly policy: string | null;
  /** 1-based line of the `:CHAIN` declaration; null when the chain was only seen in `-A` or as a jump's target. */
  readonly line: number | null;
  readonly rules: readonly Rule[];
}

/** One `-A` line. */
export interface Rule {
  readonly chain: ChainName;
  /** 1-based line in the save; 0 for a rule that was made, not read. */
  readonly line: number;
  /** The line as it was read, counters included. Empty for a rule that was made: print it. */
  readonly raw: string;
  readonly counters: Counters | null;
  /** In the order of the save, comment excluded. */
  readonly matches: readonly Match[];
  /** All `-m comment` texts of the rule, unescaped; null without any. */
  readonly comment: string | null;
  /** How many of `matches` stand before the comment. Absent at its usual place: after `-s -d -i -o -p`. */
  readonly commentAt?: number;
  /** Every comment with its place, for a rule that has more than one. `comment` joins them with a blank. */
  readonly comments?: readonly PlacedComment[];
  readonly target: Target;
}

/** One of several comments: its text and how many matches stand before it. */
export interface PlacedComment {
  readonly text: string;
  readonly at: number;
}

/** An inclusive range of ports; a single port has `from === to`. */
export interface PortRange {
  readonly from: number;
  readonly to: number;
}

export type Match =
  | { readonly kind: 'source' | 'destination'; readonly negated: boolean; readonly cidr: Cidr }
  /** `-p`. `protocol` is the printed name or number (`tcp`, `icmp`, `ipv6-icmp`, `sctp`, `132`). */
  | { readonly kind: 'protocol'; readonly negated: boolean; readonly protocol: string }
  /** `-i`, `-o`. A trailing `+` is a prefix match. */
  | { readonly kind: 'in-interface' | 'out-interface'; readonly negated: boolean; readonly name: string }
  /** `-m tcp`, `-m udp`, … without options: says nothing, but iptables prints it. */
  | { readonly kind: 'protocol-module'; readonly module: string }
  /** `--sport`, `--dport` of tcp, udp, sctp, udplite, dccp. */
  | {
      readonly kind: 'source-port' | 'destination-port';
      readonly module: string;
      readonly negated: boolean;
      readonly range: PortRange;
    }
  /** `-m multiport --dports|--sports|--ports`. */
  | {
      readonly kind: 'multiport';
      readonly side: 'source' | 'destination' | 'either';
      readonly negated: boolean;
      readonly ranges: readonly PortRange[];
    }
  | {
      readonly kind: 'address-type';
      readonly side: 'source' | 'destination';
      readonly negated: boolean;
      readonly types: readonly string[];
      /** `--limit-iface-in`, `--limit-iface-out`. */
      readonly limit: 'in' | 'out' | null;
    }
  | { readonly kind: 'mark' | 'connmark'; readonly negated: boolean; readonly value: number; readonly mask: number }
  | {
      readonly kind: 'conntrack-state';
      readonly module: 'conntrack' | 'state';
      readonly negated: boolean;
      readonly states: readonly string[];
    }
  /** `-m statistic --mode random`. `probability` is the printed text: the kernel holds a multiple of 2^-31. */
  | { readonly kind: 'statistic-random'; readonly negated: boolean; readonly probability: string }
  | { readonly kind: 'statistic-nth'; readonly negated: boolean; readonly every: number; readonly packet: number }
  | {
      readonly kind: 'recent';
      readonly negated: boolean;
      readonly action: 'set' | 'rcheck' | 'update' | 'remove';
      readonly seconds: number | null;
      readonly hitcount: number | null;
      readonly reap: boolean;
      readonly name: string;
      readonly mask: string;
      readonly side: 'rsource' | 'rdest';
      /** `--rttl`. */
      readonly ttl: boolean;
    }
  /** `-m nfacct --nfacct-name  NAME` (two blanks in the save): counts, always matches. */
  | { readonly kind: 'nfacct'; readonly name: string }
  | {
      readonly kind: 'set';
      readonly negated: boolean;
      readonly name: string;
      readonly directions: string;
      readonly rest: readonly string[];
    }
  | { readonly kind: 'physdev'; readonly options: readonly string[] }
  /** A module whose options are kept word by word: the walk answers *unknown* for it. */
  | { readonly kind: 'opaque'; readonly module: string; readonly options: readonly string[] }
  /** Not understood: `text` is the piece of the line as it stands. */
  | { readonly kind: 'unrecognised'; readonly text: string };

export type Target =
  /** No `-j`: counts only. */
  | { readonly kind: 'none' }
  | { readonly kind: 'accept' }
  | { readonly kind: 'drop' }
  | { readonly kind: 'return' }
  | { readonly kind: 'reject'; readonly with: string | null }
  | { readonly kind: 'jump' | 'goto'; readonly chain: ChainName }
  /** `to` is the text of `--to-destination` or `--to-source`; null when the binary could not print it. */
  | { readonly kind: 'dnat' | 'snat'; readonly to: string | null; readonly flags: readonly string[] }
  | { readonly kind: 'masquerade'; readonly toPorts: string | null; readonly flags: readonly string[] }
  /** `-j MARK --set-xmark V/M`: mark = (mark & ~M) ^ V. */
  | { readonly kind: 'mark' | 'connmark-set'; readonly value: number; readonly mask: number }
  | { readonly kind: 'connmark'; readonly options: readonly string[] }
  /** LOG, NFLOG, TRACE, AUDIT, …: the packet goes on with the next rule. */
  | { readonly kind: 'continue'; readonly name: string; readonly options: readonly string[] }
  /** A target whose effect is not modelled (NFQUEUE, TPROXY, CT, SET, …). */
  | { readonly kind: 'opaque'; readonly name: string; readonly options: readonly string[] }
  /** Not understood, e.g. `DNAT [unsupported revision]`. */
  | { readonly kind: 'unrecognised'; readonly text: string };

/** Something in a save that was not understood. The text is kept in the tree too. */
export interface ParseNote {
  readonly line: number;
  readonly text: string;
  readonly reason: string;
}

/** What came of one save. `empty` is an answer: the nft variant prints nothing when no table exists. */
export type ParsedSave =
  | { readonly status: 'complete'; readonly ruleset: Ruleset; readonly notes: readonly ParseNote[] }
  | {
      readonly status: 'incomplete';
      readonly reason: string;
      readonly line: number;
      readonly notes: readonly ParseNote[];
    };

/** A destination of DNAT that has both parts, as kube-proxy writes it. */
export interface DnatDestination {
  readonly ip: Ip;
  readonly port: number;
}
