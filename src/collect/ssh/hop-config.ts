import { rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { controlPathOption, SYSTEM_OPTIONS } from './system-options.ts';
import type { TemporaryFolder } from './temporary-folder.ts';

/** An ssh_config of our own, in a folder that nobody else can read. */
export interface HopConfig {
  readonly file: string;
  /** Never fails. */
  remove(): void;
}

/** A hop, and the socket of the connection to it that is there already; null: none. */
export interface SystemHop {
  readonly alias: string;
  readonly socket: string | null;
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
  const shared = hops.flatMap(({ alias, socket }) =>
    socket === null ? [] : [`Host ${alias}`, controlPathOption(socket)],
  );
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
