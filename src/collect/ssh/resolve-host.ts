import { accessSync, constants } from 'node:fs';
import { codeOf, notUnderstood, stopped } from './failures.ts';
import { parseSshG } from './parse-ssh-g.ts';
import type { ResolvedHost } from './resolved-host.ts';
import { defaultHost } from './resolved-host.ts';
import { runProgram } from './run-program.ts';
import type { SshSettings } from './settings.ts';
import { sshFlags } from './settings.ts';

/** Name of OpenSSH's client, looked up in PATH. */
export const SSH_PROGRAM = 'ssh';

/**
 * How to log in to a host: what `ssh -G` says where there is an `ssh`, its defaults otherwise; flags win over both.
 * @throws NodeReadError for a configuration that cannot be used
 */
export async function resolveHost(host: string, settings: SshSettings, signal: AbortSignal): Promise<ResolvedHost> {
  if (host.startsWith('-') || /[\s\p{Cc}]/u.test(host)) {
    throw notUnderstood(`${JSON.stringify(host)} cannot be the name of a host`, 'Choose another one: --node-address');
  }
  for (const key of settings.keys ?? []) requireReadable(key, '--ssh-key');
  if (settings.config !== undefined && settings.config !== 'none') requireReadable(settings.config, '--ssh-config');
  const printed = await askSsh(host, settings, signal);
  if (printed !== null) return withFlags(parseSshG(host, printed), settings);
  if (settings.config !== undefined) {
    throw notUnderstood('--ssh-config needs the ssh program, which is not installed', 'Install the client of OpenSSH.');
  }
  return withFlags(defaultHost(host), settings);
}

function withFlags(host: ResolvedHost, settings: SshSettings): ResolvedHost {
  const identityFiles = [...new Set([...(settings.keys ?? []), ...host.identityFiles])];
  return { ...host, identityFiles, user: settings.user ?? host.user, port: settings.port ?? host.port };
}

function requireReadable(file: string, flag: string): void {
  try {
    accessSync(file, constants.R_OK);
  } catch (error) {
    throw notUnderstood(
      `${flag} ${file}: ${codeOf(error) === 'ENOENT' ? 'no such file' : 'cannot be read'}`,
      `Give ${flag} the path of a file you can read.`,
    );
  }
}

/** What `ssh -G` prints; null without an `ssh`. */
async function askSsh(host: string, settings: SshSettings, signal: AbortSignal): Promise<string | null> {
  const argv = [...sshFlags(settings), '-G', '--', host];
  try {
    const { stdout, stderr, code } = await runProgram(SSH_PROGRAM, argv, { signal, limit: 1024 * 1024 });
    if (code === 0) return stdout.toString('utf8');
    const words = stderr.trim().split('\n').slice(0, 3).join('; ');
    throw notUnderstood(`ssh_config is not usable: ${words}`, `Correct what \`ssh -G ${host}\` complains about.`);
  } catch (error) {
    if (signal.aborted) throw stopped(signal, host);
    if (codeOf(error) === 'ENOENT') return null;
    throw error;
  }
}
