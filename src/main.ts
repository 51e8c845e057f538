import { Config, run } from '@oclif/core';
import { fileURLToPath } from 'node:url';
import manifest from '../package.json' with { type: 'json' };
import { describeError } from './cli/errors.ts';
import { plainBooleans } from './cli/plain-booleans.ts';
import { programName } from './cli/program.ts';

/**
 * Runs the command line. Sets the exit code; never ends the process, so that what was printed is printed whole.
 * `commands`: the module with all commands, relative to the package.
 */
export async function main(argv: readonly string[], commands = './dist/commands/index.js'): Promise<void> {
  const program = programName(argv[1], process.env);
  try {
    const root = fileURLToPath(new URL('..', import.meta.url));
    const config = await Config.load({ root, pjson: packageFor(commands, program) });
    await run(plainBooleans(argv.slice(2)), config);
  } catch (error) {
    if (isSilentExit(error)) return;
    const { text, exitCode } = describeError(error, program);
    process.stderr.write(`${text}\n`);
    process.exitCode = exitCode;
  }
}

/**
 * The package as oclif reads it. `bin` is what help and examples call us; oclif would also make names of environment
 * variables of it, which we do not use. Where the commands are depends on whether sources or the bundle run.
 */
function packageFor(target: string, bin: string) {
  const commands = { strategy: 'explicit' as const, target, identifier: 'COMMANDS' };
  return { ...manifest, oclif: { ...OCLIF, bin, commands } };
}

const OCLIF = { dirname: 'kubectl-svcdoctor', topicSeparator: ' ' as const, additionalHelpFlags: ['-h'] };

/** oclif ends `--help` and `--version` by throwing. */
function isSilentExit(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'EEXIT';
}
