import { notUnderstood } from './failures.ts';
import type { ResolvedHost } from './resolved-host.ts';
import { resolveHost } from './resolve-host.ts';
import type { SshSettings } from './settings.ts';
import { forHop } from './settings.ts';

/** Longest chain of hops that is followed. */
const MAX_HOPS = 8;

/**
 * The hosts to log in to one after the other; the last one is the one asked for. As OpenSSH does it, the flags are for the
 * last one only; a hop has what ssh_config says about it.
 * @throws NodeReadError for a chain that does not end
 */
export async function resolveRoute(
  address: string,
  settings: SshSettings,
  signal: AbortSignal,
): Promise<readonly ResolvedHost[]> {
  const target = await resolveHost(address, settings, signal);
  const route = [target];
  let jumps = target.proxyJump;
  while (jumps.length > 0) {
    if (route.length > MAX_HOPS) throw notUnderstood(`ProxyJump for ${address} has no end`, 'Correct ssh_config.');
    const spec = jumps.at(-1) ?? '';
    const hop = parseHop(spec);
    const resolved = await resolveHost(hop.host, { ...forHop(settings), ...hop.settings }, signal);
    route.unshift(resolved);
    // The first hop written down may have a way to it of its own.
    jumps = jumps.length > 1 ? jumps.slice(0, -1) : resolved.proxyJump;
  }
  return route;
}

interface Hop {
  readonly host: string;
  readonly settings: SshSettings;
}

/** `[user@]host[:port]` or `ssh://…`; an IPv6 address is in brackets when there is a port. */
export function parseHop(spec: string): Hop {
  const text = spec.replace(/^ssh:\/\//, '').replace(/\/$/, '');
  const at = text.lastIndexOf('@');
  const user = at < 0 ? null : text.slice(0, at);
  const place = text.slice(at + 1);
  const match = /^\[([^\]]+)\](?::(\d+))?$/.exec(place) ?? /^([^:]+):(\d+)$/.exec(place);
  const port = match?.[2];
  return {
    host: match?.[1] ?? place,
    settings: { ...(user === null ? {} : { user }), ...(port === undefined ? {} : { port: Number(port) }) },
  };
}
