import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import type { CommandResult } from '../transport.ts';
import { ExecBroken } from './exec.ts';

/**
 * Runs its arguments, and zips what they print. The exit code of a pipe is that of its last command, so that of the first goes
 * the way of messages. A constant: what is run is never a part of it.
 */
const SCRIPT = '{ "$@"; echo "svcdoctor-exit $?" >&2; } | gzip -1';

const EXIT = /svcdoctor-exit (\d+)\n$/;
const LONGEST = 256 * 1024 * 1024;

const unzip = promisify(gunzip);

/** Whether zipping works there: prints a zipped nothing. */
export const ZIP_PROBE: readonly string[] = zipped(['true']);

/** An argv that prints the zipped output of another. */
export function zipped(argv: readonly string[]): readonly string[] {
  return ['sh', '-c', SCRIPT, 'sh', ...argv];
}

/**
 * The answer of the command within. gzip's check sum proves that it is whole.
 * @throws ExecBroken when it is not
 */
export async function unzipped({ stdout, stderr, code }: CommandResult): Promise<CommandResult> {
  const [mark = '', exit] = EXIT.exec(stderr) ?? [];
  if (code !== 0 || exit === undefined) throw new ExecBroken(`zipping ended with ${code}: ${stderr.slice(0, 200)}`);
  try {
    const bytes = await unzip(stdout, { maxOutputLength: LONGEST });
    return { stdout: bytes, stderr: stderr.slice(0, stderr.length - mark.length), code: Number(exit) };
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new ExecBroken(`the zipped answer is damaged: ${why}`, { cause: error });
  }
}
