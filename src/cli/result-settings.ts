import type { FailOn } from '../analyze/verdict.ts';
import { CliError } from './errors.ts';

export interface ResultFlags {
  readonly 'fail-on': string;
  readonly strict: boolean;
  readonly 'allow-partial': boolean;
  readonly only?: readonly string[] | undefined;
  readonly skip?: readonly string[] | undefined;
}

export interface ResultSettings {
  readonly failOn: FailOn;
  readonly strict: boolean;
  readonly allowPartial: boolean;
  readonly only: readonly string[] | null;
  readonly skip: readonly string[];
}

/** @throws CliError for a code that is none */
export function checkSettings(flags: ResultFlags): ResultSettings {
  return {
    failOn: failOnOf(flags['fail-on']),
    strict: flags.strict,
    allowPartial: flags['allow-partial'],
    only: flags.only === undefined ? null : flags.only.map(codeOf),
    skip: (flags.skip ?? []).map(codeOf),
  };
}

function failOnOf(text: string): FailOn {
  return text === 'warning' || text === 'never' ? text : 'error';
}

function codeOf(text: string): string {
  const code = text.trim().toUpperCase();
  if (!/^SVC\d{3}$/.test(code))
    throw new CliError(`"${text}" is no code of a check`, 'Codes look like SVC321; explain lists them.');
  return code;
}
