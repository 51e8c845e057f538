import type { Invariant, Severity } from './report.ts';

/** The page of a check, as `explain` prints it. Commands stand between backticks. */
export interface CheckDocs {
  readonly why: string;
  readonly causes: readonly string[];
  readonly fix: readonly string[];
  readonly ignoreWhen: string;
}

export interface CheckHeader {
  /** `SVC` and three digits; see docs/checks.md for the hundreds. Never reused. */
  readonly id: `SVC${number}`;
  /** Kebab-case; the file is `ID-slug.ts`. */
  readonly slug: string;
  readonly severity: Severity;
  /** Severity of a fault of which the walk shows that it changes nothing for packets; default: an error becomes a warning. */
  readonly harmless?: Severity;
  /** The invariant a failure breaks; null for checks outside I1–I4. */
  readonly invariant: Invariant | null;
  /** The healthy statement: reads right after both ✔ and ✖. */
  readonly title: string;
  readonly docs: CheckDocs;
}
