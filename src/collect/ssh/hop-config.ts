import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { SYSTEM_OPTIONS } from './system-options.ts';

/** An ssh_config of our own, in a folder of its own that nobody else can read. */
export interface HopConfig {
  readonly file: string;
  /** Never fails. */
  remove(): void;
}

/**
 * Writes an ssh_config that begins with our options and goes on with the user's. For a hop of ProxyJump `ssh` starts another
 * `ssh`, which is told the file (`-F`) but not the options (`-o`): it would record an unknown host key, or ask at the
 * terminal.
 * @param config the user's choice (`--ssh-config`); undefined: the usual files
 * @throws Error of Node.js when there is no place for temporary files
 */
export function writeHopConfig(config: string | undefined): HopConfig {
  const folder = mkdtempSync(join(tmpdir(), 'svcdoctor-'));
  const remove = (): void => {
    try {
      rmSync(folder, { recursive: true, force: true });
    } catch {
      // Without it nothing is lost: there is no secret inside.
    }
  };
  const file = join(folder, 'ssh_config');
  try {
    writeFileSync(file, hopConfigText(config), { mode: 0o600 });
  } catch (error) {
    remove();
    throw error;
  }
  return { file, remove };
}

/** For a keyword the first value counts. */
export function hopConfigText(config: string | undefined): string {
  return `${[...SYSTEM_OPTIONS, ...includesOf(config)].join('\n')}\n`;
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
