import type { Protocol } from './address.ts';
import { describe, note, readText } from './decode.ts';
import type { JsonObject, ObjectReader } from './decode.ts';

/** Reads a list of texts with `parse` (an address, a range); what it refuses is set aside with a note. */
export function readParsed<T>(
  reader: ObjectReader,
  values: readonly unknown[],
  path: string,
  parse: (text: string) => T | null,
  wanted: string,
): readonly T[] {
  return values.flatMap((value, index) => {
    const parsed = typeof value === 'string' ? parse(value) : null;
    if (parsed !== null) return [parsed];
    note(reader, `${path}[${index}]`, `is ${describe(value)}, not ${wanted}; set aside`);
    return [];
  });
}

/** `protocol` of a port: absent means TCP, as the API server fills it. null: no protocol a Service can have. */
export function readProtocol(reader: ObjectReader, port: JsonObject, path: string): Protocol | null {
  const text = readText(reader, port, path, 'protocol') ?? 'TCP';
  if (text === 'TCP' || text === 'UDP' || text === 'SCTP') return text;
  note(reader, `${path}.protocol`, `is ${describe(text)}, not TCP, UDP or SCTP; the port is set aside`);
  return null;
}
