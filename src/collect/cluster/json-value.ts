/** Reads strangers' JSON and YAML without trusting its shape. */

export type JsonRecord = Readonly<Record<string, unknown>>;

export function isRecord(value: unknown): value is JsonRecord {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The record itself, or an empty one for anything else. */
export function recordOf(value: unknown): JsonRecord {
  return isRecord(value) ? value : {};
}

/** The list itself, or an empty one for anything else: the API writes `null` for an empty list. */
export function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

/** Text of a scalar; '' for what is absent. YAML reads an unquoted numeric token as a number. */
export function textOf(value: unknown): string {
  if (typeof value === 'string') return value;
  return typeof value === 'number' || typeof value === 'bigint' ? String(value) : '';
}

/** The value at a path of keys, undefined when a step is absent. */
export function at(value: unknown, ...path: readonly string[]): unknown {
  let current = value;
  for (const key of path) {
    if (!isRecord(current) || !Object.hasOwn(current, key)) return undefined;
    current = current[key];
  }
  return current;
}

/** `metadata.name` of an API object, '' without one. */
export function nameOf(object: unknown): string {
  return textOf(at(object, 'metadata', 'name'));
}

/** `metadata.namespace` of an API object, '' without one. */
export function namespaceOf(object: unknown): string {
  return textOf(at(object, 'metadata', 'namespace'));
}
