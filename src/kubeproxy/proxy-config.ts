import { parse } from 'yaml';
import { familyOf, parseCidr, parseIp, type Cidr, type Ip } from '../model/address.ts';
import { parseDuration } from '../model/duration.ts';

/**
 * KubeProxyConfiguration v1alpha1, or the flags that stand for it, as far as it shapes rules. `undefined`: not said.
 * Defaults are not filled in here; where a file was read, what it leaves out has its default.
 */
export interface ProxyConfig {
  /** For the report: `ConfigMap kube-system/kube-proxy`. */
  readonly from: string;
  readonly mode: string;
  readonly clusterCIDRs: readonly Cidr[];
  /** `ClusterCIDR`, `NodeCIDR`, `BridgeInterface` or `InterfaceNamePrefix`; empty: ClusterCIDR. */
  readonly detectLocalMode: string;
  readonly bridgeInterface: string;
  readonly interfaceNamePrefix: string;
  readonly masqueradeAll: boolean;
  readonly masqueradeBit: number;
  readonly localhostNodePorts: boolean;
  /** Ranges, or the word `primary`. */
  readonly nodePortAddresses: readonly string[];
  /** null: unset or unspecified (0.0.0.0, ::). */
  readonly bindAddress: Ip | null;
  /** Least milliseconds between the end of one sync and the start of the next; null: its default (1 s since 1.20). */
  readonly minSyncPeriodMs: number | null;
}

type Fields = Readonly<Record<string, unknown>>;

function fieldsOf(value: unknown): Fields {
  return isFields(value) ? value : {};
}

export function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Text of a configuration file; null when it is none (a kubeconfig, a script, broken YAML). */
export function parseProxyConfig(text: string, from: string): ProxyConfig | null {
  let document: unknown;
  try {
    document = parse(text);
  } catch {
    return null;
  }
  if (!isFields(document) || document['kind'] !== 'KubeProxyConfiguration') return null;
  const iptables = fieldsOf(document['iptables']);
  const detectLocal = fieldsOf(document['detectLocal']);
  return {
    from,
    mode: textOf(document['mode']),
    clusterCIDRs: parseCidrs(textOf(document['clusterCIDR'])),
    detectLocalMode: textOf(document['detectLocalMode']),
    bridgeInterface: textOf(detectLocal['bridgeInterface']),
    interfaceNamePrefix: textOf(detectLocal['interfaceNamePrefix']),
    masqueradeAll: iptables['masqueradeAll'] === true,
    masqueradeBit: bitOf(iptables['masqueradeBit']),
    localhostNodePorts: iptables['localhostNodePorts'] !== false,
    nodePortAddresses: textsOf(document['nodePortAddresses']),
    bindAddress: specific(textOf(document['bindAddress'])),
    minSyncPeriodMs: parseDuration(textOf(iptables['minSyncPeriod'])),
  };
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

function textsOf(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.filter((entry) => typeof entry === 'string') : [];
}

const DEFAULT_BIT = 14;

function bitOf(value: unknown): number {
  const bit = typeof value === 'string' ? Number(value) : value;
  return typeof bit === 'number' && Number.isInteger(bit) && bit >= 0 && bit <= 31 ? bit : DEFAULT_BIT;
}

/** One range of each family at most counts; what is no range is left out, as kube-proxy would not start with it. */
function parseCidrs(text: string): readonly Cidr[] {
  return text.split(',').flatMap((part) => parseCidr(part.trim()) ?? []);
}

function specific(text: string): Ip | null {
  const ip = parseIp(text);
  return ip === null || ip === '0.0.0.0' || ip === '::' ? null : ip;
}

/** The first range of the family. */
export function clusterCidrOf(config: ProxyConfig, family: 'IPv4' | 'IPv6'): Cidr | null {
  return config.clusterCIDRs.find((cidr) => familyOf(cidr.base) === family) ?? null;
}

/**
 * Command and arguments of a kube-proxy container. With `--config` most flags are ignored (1.13 and later, #69340), so
 * the file decides and null is returned.
 */
export function parseProxyFlags(words: readonly string[], from: string): ProxyConfig | null {
  const flags = flagsOf(words);
  if (flags.has('config') || !words.some((word) => word.includes('kube-proxy') || word.startsWith('--'))) return null;
  const text = (name: string): string => flags.get(name) ?? '';
  return {
    from,
    mode: text('proxy-mode'),
    clusterCIDRs: parseCidrs(text('cluster-cidr')),
    detectLocalMode: text('detect-local-mode'),
    bridgeInterface: text('pod-bridge-interface'),
    interfaceNamePrefix: text('pod-interface-name-prefix'),
    masqueradeAll: isTrue(flags.get('masquerade-all')),
    masqueradeBit: bitOf(text('iptables-masquerade-bit') || undefined),
    localhostNodePorts: flags.get('iptables-localhost-nodeports') !== 'false',
    nodePortAddresses: text('nodeport-addresses')
      .split(',')
      .filter((part) => part !== ''),
    bindAddress: specific(text('bind-address')),
    minSyncPeriodMs: parseDuration(text('iptables-min-sync-period')),
  };
}

function isTrue(value: string | undefined): boolean {
  return value === 'true' || value === '';
}

/** `--name=value`, `--name value` and bare `--name`. */
export function flagsOf(words: readonly string[]): ReadonlyMap<string, string> {
  const flags = new Map<string, string>();
  words.forEach((word, index) => {
    if (!word.startsWith('--')) return;
    const equals = word.indexOf('=');
    const next = words[index + 1];
    if (equals > 0) flags.set(word.slice(2, equals), word.slice(equals + 1));
    else flags.set(word.slice(2), next === undefined || next.startsWith('--') ? '' : next);
  });
  return flags;
}
