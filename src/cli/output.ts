import type { Report } from '../model/report.ts';

export const FORMATS = ['table', 'wide', 'json', 'yaml', 'markdown', 'name'] as const;

export type Format = (typeof FORMATS)[number];

/** How and for whom a report is drawn. */
export interface DrawOptions {
  readonly color: boolean;
  /** Columns of the terminal. */
  readonly width: number;
  readonly program: string;
}

/** Renderers are loaded when they are needed: an incident does not wait for all of them. */
export async function renderReport(report: Report, format: Format, options: DrawOptions): Promise<string> {
  switch (format) {
    case 'table':
    case 'wide':
      return (await import('../render/terminal.ts')).renderTerminal(report, { ...options, wide: format === 'wide' });
    case 'json':
      return (await import('../render/json.ts')).renderJson(report);
    case 'yaml':
      return (await import('../render/yaml.ts')).renderYaml(report);
    case 'markdown':
      return (await import('../render/markdown.ts')).renderMarkdown(report, options.program);
    case 'name':
      return (await import('../render/name.ts')).renderName(report);
  }
}

/**
 * One decision for everything that is drawn: a terminal that is not dumb, unless NO_COLOR is set; FORCE_COLOR and --color
 * override.
 */
export function wantsColor(flag: string, isTerminal: boolean, environment: NodeJS.ProcessEnv): boolean {
  if (flag === 'always') return true;
  if (flag === 'never') return false;
  const forced = environment['FORCE_COLOR'];
  if (forced !== undefined && forced !== '') return forced !== '0' && forced !== 'false';
  return isTerminal && environment['TERM'] !== 'dumb' && (environment['NO_COLOR'] ?? '') === '';
}

const DEFAULT_WIDTH = 120;

export function terminalWidth(stream: { readonly columns?: number | undefined }): number {
  return stream.columns ?? DEFAULT_WIDTH;
}

/** For flags whose options oclif has checked. */
export function formatOf(text: string): Format {
  return FORMATS.find((format) => format === text) ?? 'table';
}
