import { rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { controlPathOption, identityAgentOption, SYSTEM_OPTIONS } from './system-options.ts';
import type { TemporaryFolder } from './temporary-folder.ts';

/** An ssh_config of our own, in a folder that nobody else can read. */
export interface HopConfig {
  readonly file: string;
  /** Never fails. */
  remove(): void;
}

/** A hop, and what is there for it. */
export interface SystemHop {
  readonly alias: string;
  /** Of a connection to it that is open; null: none. */
  readonly socket: string | null;
  /** Of an agent of ours; null: that of ssh_config. */
  readonly agent: string | null;
}

/**
 * Writes an ssh_config that begins with our options and goes on with the user's. For a hop of ProxyJump `ssh` starts another
 * `ssh`, which is told the file (`-F`) but not the options (`-o`): it would record an unknown host key, or ask at the
 * terminal.
 * @param config the user's choice (`--ssh-config`); undefined: the usual files
 * @throws Error of Node.js when there is no place for temporary files
 */
export function writeHopConfig(
  folder: TemporaryFolder,
  config: string | undefined,
  hops: readonly SystemHop[],
): HopConfig {
  const file = folder.newFile();
  writeFileSync(file, hopConfigText(config, hops), { mode: 0o600 });
  return {
    file,
    remove: () => {
      try {
        rmSync(file, { force: true });
      } catch {
        // It goes with its folder.
      }
    },
  };
}

/** For a keyword the first value counts. */
export function hopConfigText(config: string | undefined, hops: readonly SystemHop[]): string {
  const shared = hops.flatMap(({ alias, socket, agent }) => {
    const options = [
      ...(socket === null ? [] : [controlPathOption(socket)]),
      ...(agent === null ? [] : [identityAgentOption(agent)]),
    ];
    return options.length === 0 ? [] : [`Host ${alias}`, ...options];
  });
  const lines = [...shared, 'Host *', ...SYSTEM_OPTIONS, controlPathOption(null), ...includesOf(config)];
  return `${lines.join('\n')}\n`;
}
function includesOf(config: string | undefined): readonly string[] {
  if (config === 'none') return [];
  if (config !== undefined) return [`Include "${resolve(config)}"`];
  return ['Include ~/.ssh/config', `Include "${systemConfig()}"`];
}

function systemConfig(): string {
  const data = process.env['ProgramData'];
  return process.platform === 'win32' && data !== undefined ? join(data, 'ssh', 'ssh_config') : '/etc/ssh/ssh_config';
}
