import { isObject } from './decode.ts';

/**
 * Families (`ip`, `ip6`) in which nftables has the table of kube-proxy's nftables mode, by what `nft -j list tables`, or
 * `nft -j list ruleset`, prints. Text that is no such answer names none.
 */
export function familiesOfProxyTables(text: string): readonly string[] {
  if (!text.includes('kube-proxy')) return [];
  let listed: unknown;
  try {
    listed = JSON.parse(text);
  } catch {
    return [];
  }
  const items: readonly unknown[] = isObject(listed) && Array.isArray(listed['nftables']) ? listed['nftables'] : [];
  return items.flatMap((item) => {
    const table = isObject(item) ? item['table'] : null;
    if (!isObject(table) || table['name'] !== 'kube-proxy') return [];
    return typeof table['family'] === 'string' ? [table['family']] : [];
  });
}
