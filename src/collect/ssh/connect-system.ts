import { commandLine, WHO_AM_I } from '../node-commands.ts';
import type { Transport } from '../transport.ts';
import { writeHopConfig } from './hop-config.ts';
import type { ResolvedHost } from './resolved-host.ts';
import type { SshSettings } from './settings.ts';
import { SystemTransport } from './system-transport.ts';

/**
 * A way over OpenSSH's own client. One command is run to know that it works, and to fail as a connection would.
 * @param route as it was resolved: the hops, then the host itself
 * @throws NodeReadError
 */
export async function connectSystem(
  route: readonly ResolvedHost[],
  settings: SshSettings,
  why: string,
  signal: AbortSignal,
): Promise<Transport> {
  const target = route.at(-1);
  if (target === undefined) throw new TypeError('a route has a host');
  const hopConfig = route.length > 1 ? writeHopConfig(settings.config) : null;
  const transport = new SystemTransport({ host: target.alias, settings, takenBack: target.takenBack, hopConfig }, why);
  try {
    await transport.run(commandLine(WHO_AM_I, { dialect: 'login', isRoot: true }), { signal });
  } catch (error) {
    await transport.close();
    throw error;
  }
  return transport;
}
