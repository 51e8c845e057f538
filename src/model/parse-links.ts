import { isObject } from './decode.ts';
import type { Link } from './node-condition.ts';

/** Reads what `ip -j addr` prints; null: it is something else. */
export function parseLinks(text: string): readonly Link[] | null {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    return null;
  }
  const entries: readonly unknown[] | null = Array.isArray(parsed) ? parsed : null;
  return (
    entries?.filter(isObject).map((entry) => {
      const addresses: readonly unknown[] = Array.isArray(entry['addr_info']) ? entry['addr_info'] : [];
      return {
        name: textOf(entry['ifname']),
        master: textOf(entry['master']) || null,
        addresses: addresses.map((info) => (isObject(info) ? textOf(info['local']) : '')).filter((ip) => ip !== ''),
      };
    }) ?? null
  );
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}
