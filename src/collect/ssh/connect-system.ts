import { commandLine, WHO_AM_I } from '../node-commands.ts';
import type { Transport } from '../transport.ts';
import type { SshSettings } from './settings.ts';
import { SystemTransport } from './system-transport.ts';

/**
 * A way over OpenSSH's own client. One command is run to know that it works, and to fail as a connection would.
 * @throws NodeReadError
 */
export async function connectSystem(
  host: string,
  settings: SshSettings,
  why: string,
  signal: AbortSignal,
): Promise<Transport> {
  const transport = new SystemTransport(host, settings, why);
  await transport.run(commandLine(WHO_AM_I, true), { signal });
  return transport;
}
