/** The back end a node's plain `iptables` works with. */
export type OwnBackend = 'nft' | 'legacy';

/** Reads `iptables v1.8.9 (nf_tables)`. Before 1.8 there was one back end, legacy, and no word for it. null: it is no such line. */
export function parseOwnBackend(text: string): OwnBackend | null {
  const [, minor, said] = /^iptables v1\.(\d+)\S*(?: \((\w+)\))?/.exec(text.trim()) ?? [];
  if (minor === undefined) return null;
  if (said === 'nf_tables') return 'nft';
  return said === 'legacy' || (said === undefined && Number(minor) < 8) ? 'legacy' : null;
}
