import { CliError } from './errors.ts';

/** One Service, or one port of it, as it was asked for. */
export interface WantedService {
  readonly name: string;
  /** Name or number of a port; null: all. */
  readonly port: string | null;
}

const PREFIX = /^(?:svc|service|services)\//;

/**
 * `hostnames`, `hostnames:http`, `svc/hostnames`.
 * @throws CliError when the text is none of these, with what would be right
 */
export function parseWanted(text: string): WantedService {
  const [name = '', port, ...rest] = text.replace(PREFIX, '').split(':');
  if (name === '' || name.includes('/') || port === '' || rest.length > 0) {
    throw new CliError(
      `"${text}" names no Service`,
      'Write hostnames, hostnames:http or svc/hostnames, and -n for the namespace.',
    );
  }
  return { name, port: port ?? null };
}
