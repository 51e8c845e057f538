/**
 * A sample of the damage `npm run precision` does in full: whatever changes for packets is an error about the right Service
 * ports, and whatever does not is none.
 */
import { describe, expect, it } from 'vitest';
import { sampledTrials } from './campaign.ts';
import { WORLDS, patientOf } from './patients.ts';

const SEED = 20_261_123;
const OF_EACH = { IPv4: 6, IPv6: 2 } as const;

describe('damage at the rules of real nodes', () => {
  it.each(WORLDS.flatMap((world) => (['IPv4', 'IPv6'] as const).map((family) => ({ world, family }))))(
    '$world, $family',
    async ({ world, family }) => {
      const patient = await patientOf(world, family);
      const trials = [...sampledTrials(patient, OF_EACH[family], SEED)];
      expect(trials.filter(({ outcome }) => outcome === 'missed' || outcome === 'stray')).toEqual([]);
      if (patient.spots().length > 0) expect(trials.length).toBeGreaterThan(30);
    },
    300_000,
  );
});
