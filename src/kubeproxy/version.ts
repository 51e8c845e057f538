import type { Era, ProxySettings, ProxyVersion, VersionRange } from './expectation.ts';

/** Versions of kube-proxy: reading them, ordering them, and asking a range of them a question. */

/** Newest minor version whose rules are known (recorded); later ones are taken to write the same. */
const NEWEST_MINOR = 37;
/** Oldest minor version whose rules are known. */
const OLDEST_MINOR = 12;
/** Above any patch level there is. */
const LAST_PATCH = 999;

const VERSION = /^v?(\d+)\.(\d+)(?:\.(\d+))?(?![\d.])/;

/** `v1.28.15-eksbuild.1`, `1.37.2`, `v1.29`, `1.27+`; null for a text that does not begin with a version (`latest`). */
export function parseVersion(text: string): ProxyVersion | null {
  const match = VERSION.exec(text.trim());
  if (match === null) return null;
  const patch = match[3] === undefined ? null : Number(match[3]);
  return { major: Number(match[1]), minor: Number(match[2]), patch };
}

/** Version in the tag of an image reference; null without a tag, or with one that is no version. */
export function parseImageVersion(image: string): ProxyVersion | null {
  const [name = ''] = image.split('@', 1);
  const colon = name.lastIndexOf(':');
  return colon <= name.lastIndexOf('/') ? null : parseVersion(name.slice(colon + 1));
}

/** `1.28.15`, or `1.28` without a patch. */
export function printVersion(version: ProxyVersion): string {
  const minor = `${version.major}.${version.minor}`;
  return version.patch === null ? minor : `${minor}.${version.patch}`;
}

/** Negative when `a` is older. A null patch counts as 0. */
export function compareVersions(a: ProxyVersion, b: ProxyVersion): number {
  return a.major - b.major || a.minor - b.minor || (a.patch ?? 0) - (b.patch ?? 0);
}

export function eraOf(version: ProxyVersion): Era {
  if (version.major > 1 || version.minor >= 25) return '1.25';
  if (version.minor === 24) return '1.24';
  if (version.minor >= 22) return '1.22';
  return version.minor === 21 ? '1.21' : '1.20';
}

function minorOnly(minor: number): ProxyVersion {
  return { major: 1, minor, patch: null };
}

export function rangeOfMinors(from: number, to: number): VersionRange {
  return { min: minorOnly(from), max: minorOnly(to) };
}

/** All versions whose rules are known. */
export const ALL_VERSIONS: VersionRange = rangeOfMinors(OLDEST_MINOR, NEWEST_MINOR);

const ERA_RANGES: Readonly<Record<Era, VersionRange>> = {
  '1.20': rangeOfMinors(OLDEST_MINOR, 20),
  '1.21': rangeOfMinors(21, 21),
  '1.22': rangeOfMinors(22, 23),
  '1.24': rangeOfMinors(24, 24),
  '1.25': rangeOfMinors(25, NEWEST_MINOR),
};

export function rangeOfEra(era: Era): VersionRange {
  return ERA_RANGES[era];
}

/** What the version can be, by the narrowest thing known. */
export function rangeOf(settings: Pick<ProxySettings, 'era' | 'version' | 'versionRange'>): VersionRange {
  const version = settings.version.value;
  if (version !== null) return { min: version, max: version };
  return settings.versionRange ?? rangeOfEra(settings.era.value);
}

/** Newest version in the range: what is assumed where an answer cannot be left open. */
export function newestOf(range: VersionRange): ProxyVersion {
  return { ...range.max, patch: range.max.patch ?? LAST_PATCH };
}

/** yes, no, or null: versions of the range differ in it. */
export type Answer = boolean | null;

/** Asks every minor version of the range, at its first and its last patch level. */
export function ask(range: VersionRange, holds: (version: ProxyVersion) => Answer): Answer {
  let answer: Answer = null;
  for (let minor = range.min.minor; minor <= range.max.minor; minor++) {
    const first = minor === range.min.minor ? (range.min.patch ?? 0) : 0;
    const last = minor === range.max.minor ? (range.max.patch ?? LAST_PATCH) : LAST_PATCH;
    for (const patch of [first, last]) {
      const held = holds({ major: range.max.major, minor, patch });
      if (held === null || (answer !== null && held !== answer)) return null;
      answer = held;
    }
  }
  return answer;
}

/** From this minor version on. */
export function since(minor: number): (version: ProxyVersion) => boolean {
  return (version) => version.major > 1 || version.minor >= minor;
}

/** From this minor version on, and in older ones from the patch level their backport is in. */
export function sinceWithBackports(
  minor: number,
  backports: Readonly<Record<number, number>>,
): (version: ProxyVersion) => boolean {
  return (version) => {
    if (since(minor)(version)) return true;
    const backport = backports[version.minor];
    return backport !== undefined && (version.patch ?? 0) >= backport;
  };
}

/** In these minor versions only. */
export function between(from: number, to: number): (version: ProxyVersion) => boolean {
  return (version) => version.major === 1 && version.minor >= from && version.minor <= to;
}
