import { fileName, isObject, itemsOf, describe, readText, readTextMap } from './decode.ts';
import type { JsonObject, ObjectReader } from './decode.ts';
import type { ObjectNote } from './service.ts';
import type { ClusterFile } from './snapshot.ts';

/** Name and labels of an API object, and the reader that names it in notes. */
export interface Metadata {
  /** Empty for an object without one (a Node). */
  readonly namespace: string;
  readonly name: string;
  readonly labels: ReadonlyMap<string, string>;
  readonly fields: JsonObject;
  readonly reader: ObjectReader;
}

/** DNS-1123 subdomain, which every name the API server hands out is; the parts of a name go into rules and chains. */
const NAME = /^[a-z0-9](?:[-a-z0-9.]*[a-z0-9])?$/;

export function isName(text: string): boolean {
  return text.length <= 253 && NAME.test(text);
}

/** Each object of a list file with its metadata; an object without a usable name is set aside. */
export function readItems<T>(
  file: ClusterFile,
  content: unknown,
  notes: ObjectNote[],
  read: (item: JsonObject, metadata: Metadata) => T | null,
): readonly T[] {
  const source = fileName(file);
  const found: T[] = [];
  itemsOf(file, content).forEach((item, index) => {
    const metadata = isObject(item) ? readMetadata(item, source, `items[${index}]`, notes) : null;
    if (!isObject(item)) {
      notes.push({ source, where: `items[${index}]`, text: `is ${describe(item)}, not an object; set aside` });
    }
    const parsed = isObject(item) && metadata !== null ? read(item, metadata) : null;
    if (parsed !== null) found.push(parsed);
  });
  return found;
}

function readMetadata(item: JsonObject, source: string, position: string, notes: ObjectNote[]): Metadata | null {
  const fields = isObject(item['metadata']) ? item['metadata'] : {};
  const { name, namespace } = fields;
  const named = typeof name === 'string' && isName(name);
  const spaced = namespace === undefined || (typeof namespace === 'string' && isName(namespace));
  if (!named || !spaced) {
    const [field, value] = named ? ['namespace', namespace] : ['name', name];
    const text = `is ${describe(value)}, which no API object can have; the object is set aside`;
    notes.push({ source, where: `${position} metadata.${field}`, text });
    return null;
  }
  const object = typeof namespace === 'string' ? `${namespace}/${name}` : name;
  const reader: ObjectReader = { source, object, notes };
  return {
    namespace: typeof namespace === 'string' ? namespace : '',
    name,
    labels: readTextMap(reader, fields, 'metadata', 'labels'),
    fields,
    reader,
  };
}

/** A `deletionTimestamp` is set. */
export function isDeleting(metadata: Metadata): boolean {
  return readText(metadata.reader, metadata.fields, 'metadata', 'deletionTimestamp') !== null;
}
