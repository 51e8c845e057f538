import { isObject, itemsOf } from './decode.ts';
import type { ClusterFile, RuleSource } from './snapshot.ts';

/** One version of an object that rules are made of. */
export interface ObjectVersion {
  readonly file: RuleSource;
  readonly namespace: string;
  readonly name: string;
  /** `namespace/name` of the Service it belongs to. */
  readonly service: string;
  readonly resourceVersion: string;
  /** When it was written last, by its managed fields; null: they were not sent. */
  readonly writtenAt: string | null;
}

const SERVICE_NAME = 'kubernetes.io/service-name';

/** The kinds that say what rules should be: Endpoints only where there are no slices, since other programs keep locks in them. */
export function ruleSources(cluster: ReadonlyMap<ClusterFile, unknown>): readonly RuleSource[] {
  return ['services', cluster.has('endpointslices') ? 'endpointslices' : 'endpoints'];
}

/** The versions of all objects of a list, as it was received; an object without a name or version is left out. */
export function objectVersions(file: RuleSource, list: unknown): readonly ObjectVersion[] {
  if (list === undefined) return [];
  return itemsOf(file, list).flatMap((item) => {
    const metadata = isObject(item) ? item['metadata'] : null;
    if (!isObject(metadata)) return [];
    const { namespace, name, resourceVersion, labels } = metadata;
    if (typeof namespace !== 'string' || typeof name !== 'string' || typeof resourceVersion !== 'string') return [];
    const owner = file === 'endpointslices' && isObject(labels) ? labels[SERVICE_NAME] : name;
    const writtenAt = lastWrite(metadata['managedFields']);
    return [{ file, namespace, name, service: `${namespace}/${String(owner)}`, resourceVersion, writtenAt }];
  });
}

function lastWrite(managedFields: unknown): string | null {
  const entries: readonly unknown[] = Array.isArray(managedFields) ? managedFields : [];
  const times = entries.flatMap((entry) => {
    const time = isObject(entry) ? entry['time'] : null;
    return typeof time === 'string' ? [time] : [];
  });
  return times.toSorted().at(-1) ?? null;
}
