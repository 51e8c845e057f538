import type { Ip } from '../model/address.ts';
import { parseIp } from '../model/address.ts';
import type { Target } from './rules.ts';
import type { PacketState } from './walk-state.ts';

/** What a NAT target makes of a packet, when its text says exactly one thing. */
export type Rewrite =
  | { readonly is: 'clear'; readonly apply: (state: PacketState) => PacketState }
  | { readonly is: 'unclear'; readonly because: string };

/** An address, a port or both: the forms `IP`, `IP:PORT`, `[IP]:PORT`, `:PORT`. */
interface SingleTarget {
  readonly ip: Ip | null;
  readonly port: number | null;
}

/** Where the kernel lets each kind of rewriting happen; elsewhere it refuses the rule. */
const DESTINATION_HOOKS: ReadonlySet<string> = new Set(['PREROUTING', 'OUTPUT']);
const SOURCE_HOOKS: ReadonlySet<string> = new Set(['POSTROUTING', 'INPUT']);

/** DNAT. What `to` leaves out stays as it is; a range is a choice that the rules do not tell. */
export function rewriteDestination(to: string | null, place: string): Rewrite {
  if (!DESTINATION_HOOKS.has(place)) return refused('DNAT', place);
  const single = to === null ? null : parseSingle(to);
  if (single === null)
    return unclear(`DNAT to ${to ?? 'a destination that could not be printed'} is not one destination`);
  return {
    is: 'clear',
    apply: (state) => ({
      ...state,
      destination: single.ip ?? state.destination,
      destinationPort: single.port ?? state.destinationPort,
      translated: true,
    }),
  };
}

/** REDIRECT: to the node itself. From outside that is an address of the interface the packet came in on. */
export function rewriteToSelf(options: readonly string[], place: string, self: Ip | null): Rewrite {
  if (!DESTINATION_HOOKS.has(place)) return refused('REDIRECT', place);
  const port = redirectPort(options);
  if (port === 'unclear') return unclear(`REDIRECT ${options.join(' ')} is not one port`);
  if (self === null) return unclear('to which address of the node REDIRECT sends the packet is not known');
  return {
    is: 'clear',
    apply: (state) => ({
      ...state,
      destination: self,
      destinationPort: port ?? state.destinationPort,
      translated: true,
    }),
  };
}

function redirectPort(options: readonly string[]): number | null | 'unclear' {
  const ports = options[options.indexOf('--to-ports') + 1];
  if (!options.includes('--to-ports')) return null;
  return ports === undefined ? 'unclear' : (parsePort(ports) ?? 'unclear');
}

/** SNAT and MASQUERADE: the source is known afterwards when SNAT names one address. */
export function rewriteSource(
  target: Extract<Target, { kind: 'snat' | 'masquerade' | 'dnat' }>,
  place: string,
): Rewrite {
  if (!SOURCE_HOOKS.has(place) || (target.kind === 'masquerade' && place === 'INPUT'))
    return refused(target.kind.toUpperCase(), place);
  if (target.kind === 'masquerade')
    return {
      is: 'clear',
      apply: (state) => ({ ...state, source: null, sourcePort: null, sourceRewrite: { by: 'masquerade', to: null } }),
    };
  const { to } = target;
  const single = to === null ? null : parseSingle(to);
  return {
    is: 'clear',
    apply: (state) => ({
      ...state,
      source: single === null ? null : (single.ip ?? state.source),
      sourcePort: single?.port ?? null,
      sourceRewrite: { by: 'snat', to },
    }),
  };
}

function parseSingle(text: string): SingleTarget | null {
  const parts = /^(?:\[([^\]]+)\]|([^:[\]]*)):([\d-]+)$/.exec(text);
  const address = parts === null ? text : (parts[1] ?? parts[2] ?? '');
  const ip = parseIp(address);
  if (parts === null) return ip === null ? null : { ip, port: null };
  const port = parsePort(parts[3] ?? '');
  return port === null || (ip === null && address !== '') ? null : { ip, port };
}

function parsePort(text: string): number | null {
  const [first = '', last = first, ...rest] = text.split('-');
  if (first !== last || rest.length > 0 || !/^\d{1,5}$/.test(first)) return null;
  const port = Number(first);
  return port >= 1 && port <= 65_535 ? port : null;
}

function refused(target: string, place: string): Rewrite {
  return unclear(`the kernel has no ${target} in ${place}`);
}

function unclear(because: string): Rewrite {
  return { is: 'unclear', because };
}
