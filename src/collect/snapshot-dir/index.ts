export { decodeSave } from './decode-save.ts';
export { readSnapshot } from './read-snapshot.ts';
export type { ReadSnapshotOptions, SnapshotReading } from './read-snapshot.ts';
export { SnapshotError } from './snapshot-error.ts';
export { isArchive, requireWritable, writeSnapshot } from './write-snapshot.ts';
