import { ClusterError } from './cluster-error.ts';
import type { ClusterFile, ClusterPart } from '../../model/snapshot.ts';
import { at, textOf } from './json-value.ts';

/** One file of the snapshot's `cluster` folder as it was read, or why there is none. */
export interface ReadPart {
  readonly part: ClusterPart;
  /** undefined when nothing was read. */
  readonly value: unknown;
  /** Set with `part.error`. */
  readonly failure: ClusterError | null;
}

/** What one reading gave, or did not give. */
export function partOf(file: ClusterFile, value: unknown, failure: ClusterError | null = null): ReadPart {
  const resourceVersion = textOf(at(value, 'metadata', 'resourceVersion')) || null;
  return {
    part: { file, readAt: new Date().toISOString(), resourceVersion, error: failure === null ? null : failure.message },
    value,
    failure,
  };
}

/**
 * Reads one part; a refusal becomes its error. Rejects only when there is no use in going on: nobody is logged in, or the
 * run was cancelled.
 */
export async function readPart(file: ClusterFile, what: string, read: () => Promise<unknown>): Promise<ReadPart> {
  try {
    return partOf(file, await read());
  } catch (error) {
    return partOf(file, undefined, tolerable(error, what));
  }
}

/** The error with what was being done (`cannot list pods …`) in front. @throws the error itself when it is not about this part */
export function tolerable(error: unknown, what: string): ClusterError {
  if (!(error instanceof ClusterError) || error.status === 401) throw error;
  const { suggestion, status, reason } = error;
  return new ClusterError(`cannot ${what}: ${error.message}`, suggestion, {
    ...(status === null ? {} : { status }),
    ...(reason === null ? {} : { reason }),
    cause: error,
  });
}

/** A v1 List as `kubectl get a b -o json` prints it, of objects that were got one by one. */
export function listOfObjects(items: readonly unknown[]): unknown {
  return { apiVersion: 'v1', kind: 'List', metadata: { resourceVersion: '' }, items };
}
