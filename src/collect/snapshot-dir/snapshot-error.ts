/** A snapshot cannot be read or written as asked: exit code 2. */
export class SnapshotError extends Error {
  override readonly name = 'SnapshotError';
  readonly exitCode = 2;
  /** The one thing to try. */
  readonly suggestion: string;

  constructor(message: string, suggestion: string, options?: ErrorOptions) {
    super(message, options);
    this.suggestion = suggestion;
  }
}

/** What to try with an archive that is not whole. */
export const COPY_AGAIN = 'Copy it again (in binary mode), or collect it again.';

/** Words of a failed file operation, with the path in front. */
export function fileError(path: string, what: string, error: unknown): SnapshotError {
  const why = error instanceof Error ? error.message : String(error);
  return new SnapshotError(`cannot ${what} ${path}: ${why}`, `ls -ld ${path}`, { cause: error });
}
