import type { Era, ProxyVersion, Setting, VersionRange } from './expectation.ts';
import { contradiction, rangeOfSigns, type Sign } from './fingerprints.ts';
import { compareVersions, eraOf, newestOf, printVersion, rangeOfEra } from './version.ts';

/** What is known of one node's version before it is brought together. */
export interface VersionEvidence {
  /** From an image tag or from kube-proxy itself; null: nobody says. */
  readonly told: { readonly version: ProxyVersion; readonly from: string } | null;
  readonly signs: readonly Sign[];
  /** For the report, e.g. `rules of the node`. */
  readonly signsFrom: string;
}

export interface VersionSettings {
  readonly era: Setting<Era>;
  readonly version: Setting<ProxyVersion | null>;
  readonly versionRange: VersionRange;
}

/** Signs of this weight together outweigh what an image tag says: the rules are those of another version. */
const DECISIVE = 4;

/**
 * The version the rules were written by. A told one stands unless the rules clearly were written by another: by a
 * kube-proxy before an upgrade that never wrote since, or by one whose image tag is not its version. null: nothing is
 * known at all.
 */
export function inferVersion(evidence: VersionEvidence): VersionSettings | null {
  const { told, signs, signsFrom } = evidence;
  const exact = told === null ? null : { min: told.version, max: told.version };
  if (told !== null && exact !== null && isKnown(told.version) && contradiction(signs, exact) < DECISIVE) {
    const era = { value: eraOf(told.version), origin: 'configured', from: told.from } as const;
    return { era, version: { value: told.version, origin: 'configured', from: told.from }, versionRange: exact };
  }
  const range = rangeOfSigns(signs);
  if (range === null) return null;
  const value = eraOf(newestOf(range));
  const versionRange = within(range, rangeOfEra(value));
  const from = `${signsFrom}: kube-proxy ${printRange(versionRange)}`;
  return {
    era: { value, origin: 'inferred', from },
    version: { value: singleVersion(versionRange), origin: 'inferred', from },
    versionRange,
  };
}

function isKnown(version: ProxyVersion): boolean {
  return version.major === 1 && version.minor >= 12;
}

/** A sign tells minor versions, so a version is told when only one is left; its patch level never is. */
function singleVersion({ min, max }: VersionRange): ProxyVersion | null {
  return min.minor === max.minor ? { major: min.major, minor: min.minor, patch: null } : null;
}

function within(range: VersionRange, era: VersionRange): VersionRange {
  return {
    min: compareVersions(range.min, era.min) < 0 ? era.min : range.min,
    max: compareVersions(range.max, era.max) > 0 ? era.max : range.max,
  };
}

function printRange({ min, max }: VersionRange): string {
  return min.minor === max.minor ? printVersion(min) : `${printVersion(min)} to ${printVersion(max)}`;
}
