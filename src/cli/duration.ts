import { Flags } from '@oclif/core';

const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };

/**
 * Milliseconds of a duration as Go and kubectl write it: `30s`, `1m30s`, `500ms`; a plain number is seconds. null when
 * the text is none.
 */
export function parseDuration(text: string): number | null {
  if (/^\d+$/.test(text)) return Number(text) * 1000;
  if (!/^(?:\d+(?:\.\d+)?(?:ms|s|m|h))+$/.test(text)) return null;
  const parts = [...text.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h)/g)];
  return parts.reduce((sum, [, number, unit]) => sum + Number(number) * (UNITS[unit ?? ''] ?? 0), 0);
}

/** A flag whose value is a duration; milliseconds in the parsed flags. */
export const durationFlag = Flags.custom<number>({
  helpValue: 'DURATION',
  parse: async (input) => {
    const milliseconds = parseDuration(input);
    if (milliseconds === null) throw new Error(`"${input}" is no duration: write 30s, 1m or 1m30s`);
    return milliseconds;
  },
});
