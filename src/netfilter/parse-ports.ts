import { parseWhole } from './parse-options.ts';
import type { PortRange } from './rules.ts';

/** `80`, `30000:32767`, `:1024`, `1024:`; null for a name, a reversed range or a number beyond 65535. */
export function parsePortRange(text: string | undefined): PortRange | null {
  if (text === undefined) return null;
  const colon = text.indexOf(':');
  if (colon < 0) {
    const port = parseWhole(text, 65_535);
    return port === null ? null : { from: port, to: port };
  }
  const from = colon === 0 ? 0 : parseWhole(text.slice(0, colon), 65_535);
  const to = colon === text.length - 1 ? 65_535 : parseWhole(text.slice(colon + 1), 65_535);
  return from === null || to === null || from > to || text.length === 1 ? null : { from, to };
}

/** The list of `-m multiport`. */
export function parsePortRanges(text: string | undefined): readonly PortRange[] | null {
  if (text === undefined) return null;
  const ranges: PortRange[] = [];
  for (const part of text.split(',')) {
    const range = parsePortRange(part);
    if (range === null) return null;
    ranges.push(range);
  }
  return ranges;
}
