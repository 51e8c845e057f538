/** The files of a snapshot, before they are understood. */
export interface SnapshotFiles {
  /** Bytes by path, `/` in between. Only paths of the format; empty files are there too, with no bytes. */
  readonly files: ReadonlyMap<string, Buffer>;
  /** Names of all folders in `nodes/`, also of those without a file. */
  readonly nodes: ReadonlySet<string>;
  /** Paths that were left alone. */
  readonly unknown: readonly string[];
}
