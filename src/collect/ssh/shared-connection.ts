import { closeSync, existsSync, openSync, readFileSync } from 'node:fs';
import { SOCKET_SUFFIX } from './connection-keeper.ts';
import type { ResolvedHost } from './resolved-host.ts';
import { SSH_PROGRAM } from './resolve-host.ts';
import { runDetaching, runProgram } from './run-program.ts';
import { controlPathOption } from './system-options.ts';
import type { TemporaryFolder } from './temporary-folder.ts';

const CONTROL_TIMEOUT_MS = 3000;
/** Bytes in the path of a socket on the strictest system (macOS: 104), without what ssh adds while it makes one. */
const LONGEST_PATH = 104 - 1 - '.0123456789abcdef'.length;

/** A socket for a connection of our own; null: there can be none. */
export function newSocket(folder: TemporaryFolder): string | null {
  return socketPath(folder, SOCKET_SUFFIX);
}

/** Where a socket can be; null: nowhere (its path would be too long, or this is Windows, where ssh cannot use one). */
export function socketPath(folder: TemporaryFolder, suffix: string): string | null {
  if (process.platform === 'win32') return null;
  const socket = `${folder.newFile()}${suffix}`;
  return Buffer.byteLength(socket) > LONGEST_PATH ? null : socket;
}

/** Whether the connection that the user's ssh_config shares is there, and open. */
export async function isSharedNow(host: ResolvedHost, signal: AbortSignal): Promise<boolean> {
  if (host.controlPath === null || !existsSync(host.controlPath)) return false;
  return control('check', host.controlPath, host.alias, signal);
}

/**
 * Opens a connection for the sessions to come: the one login.
 * @returns null when it is open, or what `ssh` said
 * @throws as `runDetaching` does
 */
export async function openShared(
  argv: readonly string[],
  folder: TemporaryFolder,
  signal: AbortSignal,
): Promise<string | null> {
  const errors = folder.newFile();
  const descriptor = openSync(errors, 'wx', 0o600);
  try {
    const code = await runDetaching(SSH_PROGRAM, argv, { signal, stderr: descriptor });
    return code === 0 ? null : readFileSync(errors, 'utf8');
  } finally {
    closeSync(descriptor);
  }
}

/**
 * Flags of `ssh` for {@link openShared}: goes to the background once logged in, and runs nothing. Without ControlPersist, with
 * which ssh keeps to itself what a hop complains about.
 */
export function openingFlags(socket: string): readonly string[] {
  const options = ['ControlMaster=yes', controlPathOption(socket), 'ControlPersist=no'];
  return ['-f', '-N', ...options.flatMap((option) => ['-o', option])];
}

/** Never fails. What does not end now is ended with the run. */
export async function endShared(socket: string, host: string): Promise<void> {
  if (existsSync(socket)) await control('exit', socket, host, AbortSignal.timeout(CONTROL_TIMEOUT_MS));
}

/** Asks the `ssh` behind a socket; false when it does not answer as wanted. */
async function control(command: 'check' | 'exit', socket: string, host: string, signal: AbortSignal): Promise<boolean> {
  const patience = AbortSignal.any([signal, AbortSignal.timeout(CONTROL_TIMEOUT_MS)]);
  const argv = ['-F', 'none', '-o', controlPathOption(socket), '-O', command, '--', host];
  try {
    return (await runProgram(SSH_PROGRAM, argv, { signal: patience, limit: 1024 })).code === 0;
  } catch {
    return false;
  }
}
