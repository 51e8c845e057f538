import { Flags } from '@oclif/core';
import { parseDuration } from '../model/duration.ts';

/** A flag whose value is a duration; milliseconds in the parsed flags. */
export const durationFlag = Flags.custom<number>({
  helpValue: 'DURATION',
  parse: async (input) => {
    const milliseconds = parseDuration(input);
    if (milliseconds === null) throw new Error(`"${input}" is no duration: write 30s, 1m or 1m30s`);
    return milliseconds;
  },
});
