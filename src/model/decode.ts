import type { ObjectNote } from './service.ts';
import type { ClusterFile } from './snapshot.ts';

/**
 * Reading JSON nobody has checked: the API server's answer, or a file somebody edited. A field of the wrong type is set
 * aside with a note and read as absent, so that one odd object costs nothing else.
 */

export type JsonObject = Readonly<Record<string, unknown>>;

/** Where notes about one object go. */
export interface ObjectReader {
  /** `cluster/services.json`. */
  readonly source: string;
  /** `default/hostnames`. */
  readonly object: string;
  readonly notes: ObjectNote[];
}

/** A file of the snapshot is no list of API objects. Nothing in it can be judged. */
export class MalformedClusterFile extends Error {
  readonly file: ClusterFile;
  readonly field: string;

  constructor(file: ClusterFile, field: string, problem: string) {
    super(`${fileName(file)}: ${field} ${problem}`);
    this.name = 'MalformedClusterFile';
    this.file = file;
    this.field = field;
  }
}

/** `cluster/services.json`, as the snapshot folder names it. */
export function fileName(file: ClusterFile): string {
  return `cluster/${file}.json`;
}

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/**
 * Items of a v1 List or of any XList. Their own kind and apiVersion are absent in an XList, so both are ignored, except
 * that an `items` which is no list is not guessed at. Go marshals an empty slice as null.
 */
export function itemsOf(file: ClusterFile, content: unknown): readonly unknown[] {
  if (!isObject(content)) throw new MalformedClusterFile(file, 'the document', `is ${describe(content)}, not a List`);
  const { items } = content;
  if (items === null) return [];
  if (!Array.isArray(items)) throw new MalformedClusterFile(file, 'items', `is ${describe(items)}, not a list`);
  return items;
}

/** What a value is, in words for a note. */
export function describe(value: unknown): string {
  if (value === undefined) return 'absent';
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object') return 'an object';
  const text = JSON.stringify(value) ?? typeof value;
  return text.length > 80 ? `${text.slice(0, 77)}...` : text;
}

export function note(reader: ObjectReader, path: string, text: string): void {
  reader.notes.push({ source: reader.source, where: `${reader.object} ${path}`, text });
}

function wrongType(reader: ObjectReader, path: string, value: unknown, wanted: string): null {
  note(reader, path, `is ${describe(value)}, not ${wanted}; set aside`);
  return null;
}

export function readText(reader: ObjectReader, owner: JsonObject, path: string, key: string): string | null {
  const value = owner[key];
  if (value === undefined || value === null) return null;
  return typeof value === 'string' ? value : wrongType(reader, join(path, key), value, 'a text');
}

export function readBoolean(reader: ObjectReader, owner: JsonObject, path: string, key: string): boolean | null {
  const value = owner[key];
  if (value === undefined || value === null) return null;
  return typeof value === 'boolean' ? value : wrongType(reader, join(path, key), value, 'true or false');
}

/** A whole number of at least `least` and at most `most`. */
export function readNumber(
  reader: ObjectReader,
  owner: JsonObject,
  path: string,
  key: string,
  least: number,
  most: number,
): number | null {
  const value = owner[key];
  if (value === undefined || value === null) return null;
  const fits = typeof value === 'number' && Number.isInteger(value) && value >= least && value <= most;
  return fits ? value : wrongType(reader, join(path, key), value, `a number from ${least} to ${most}`);
}

/** The list, `[]` when it is absent or null. */
export function readList(reader: ObjectReader, owner: JsonObject, path: string, key: string): readonly unknown[] {
  const value = owner[key];
  if (value === undefined || value === null) return [];
  if (Array.isArray(value)) return value;
  wrongType(reader, join(path, key), value, 'a list');
  return [];
}

const EMPTY: JsonObject = {};

/** The object, an empty one when it is absent or null. */
export function readObject(reader: ObjectReader, owner: JsonObject, path: string, key: string): JsonObject {
  const value = owner[key];
  if (value === undefined || value === null) return EMPTY;
  if (isObject(value)) return value;
  wrongType(reader, join(path, key), value, 'an object');
  return EMPTY;
}

const NO_TEXTS: ReadonlyMap<string, string> = new Map();

/** Labels, annotations, selectors; sorted by key. */
export function readTextMap(
  reader: ObjectReader,
  owner: JsonObject,
  path: string,
  key: string,
): ReadonlyMap<string, string> {
  const value = readObject(reader, owner, path, key);
  if (value === EMPTY) return NO_TEXTS;
  const texts = new Map<string, string>();
  for (const name of Object.keys(value).toSorted()) {
    const text = value[name];
    if (typeof text === 'string') texts.set(name, text);
    else wrongType(reader, `${join(path, key)}[${name}]`, text, 'a text');
  }
  return texts;
}

/** Objects of a list, with their paths; what is no object is set aside. */
export function readObjects(
  reader: ObjectReader,
  owner: JsonObject,
  path: string,
  key: string,
): readonly { readonly value: JsonObject; readonly path: string }[] {
  return readList(reader, owner, path, key).flatMap((value, index) => {
    const at = `${join(path, key)}[${index}]`;
    if (isObject(value)) return [{ value, path: at }];
    wrongType(reader, at, value, 'an object');
    return [];
  });
}

function join(path: string, key: string): string {
  return path === '' ? key : `${path}.${key}`;
}
