import { neutral } from '../render/neutral.ts';

/** A failure of which the user is told what, where and what to do; exit code 2. */
export class CliError extends Error {
  override readonly name = 'CliError';
  readonly suggestion: string;

  constructor(message: string, suggestion: string, options?: ErrorOptions) {
    super(message, options);
    this.suggestion = suggestion;
  }
}

export interface ErrorText {
  readonly text: string;
  readonly exitCode: number;
}

const COULD_NOT_RUN = 2;

/** Words and exit code for whatever ended a command. Errors made for users have a `suggestion`; oclif's are usage errors. */
export function describeError(error: unknown, program: string): ErrorText {
  const message = messageOf(error);
  const known = suggestionOf(error);
  if (known !== null) return say(`error: ${message}`, known === '' ? [] : [known]);
  if (isUsageError(error)) return say(`error: ${message.replace(OCLIF_HINT, '')}`, [`See ${program} --help`]);
  const stack = process.env['SVCDOCTOR_DEBUG'] === undefined || !(error instanceof Error) ? [] : [error.stack ?? ''];
  return say(`error: ${message}`, [
    'This is a defect of kubectl-svcdoctor: please report it, with SVCDOCTOR_DEBUG=1 set.',
    ...stack,
  ]);
}

function say(first: string, rest: readonly string[]): ErrorText {
  const lines = [first, ...rest].flatMap((text) => text.split('\n')).map(neutral);
  return { text: lines.join('\n'), exitCode: COULD_NOT_RUN };
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function suggestionOf(error: unknown): string | null {
  return error instanceof Error && 'suggestion' in error && typeof error.suggestion === 'string'
    ? error.suggestion
    : null;
}

/** oclif's own hint does not know what we are called. */
const OCLIF_HINT = /\nSee more help with --help$/;

function isUsageError(error: unknown): boolean {
  return error instanceof Error && 'oclif' in error;
}
