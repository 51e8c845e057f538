import type { PacketState } from './walk-state.ts';

/** `--set-xmark VALUE/MASK`: clears the bits of the mask, then turns those of the value around. Unsigned, 32 bits. */
export function markSet(mark: number, { value, mask }: { readonly value: number; readonly mask: number }): number {
  return ((mark & ~mask) ^ value) >>> 0;
}

const ALL_BITS = 0xff_ff_ff_ff;

/**
 * `CONNMARK --save-mark` and `--restore-mark` as a change of the packet (connmark_tg); null for options that are not
 * understood.
 */
export function connmarkCopied(options: readonly string[]): ((state: PacketState) => PacketState) | null {
  const [action, ...masks] = options;
  const read = readMasks(masks);
  if (read === null) return null;
  const { nfmask, ctmask } = read;
  if (action === '--save-mark')
    return (state) => ({ ...state, connmark: ((state.connmark & ~ctmask) ^ (state.mark & nfmask)) >>> 0 });
  if (action === '--restore-mark')
    return (state) => ({ ...state, mark: ((state.mark & ~nfmask) ^ (state.connmark & ctmask)) >>> 0 });
  return null;
}

interface Masks {
  readonly nfmask: number;
  readonly ctmask: number;
}

function readMasks(words: readonly string[]): Masks | null {
  let nfmask = ALL_BITS;
  let ctmask = ALL_BITS;
  for (let at = 0; at < words.length; at += 2) {
    const option = words[at];
    const mask = Number(words[at + 1]);
    if (!(mask >= 0 && mask <= ALL_BITS)) return null;
    if (option !== '--nfmask' && option !== '--ctmask' && option !== '--mask') return null;
    if (option !== '--ctmask') nfmask = mask;
    if (option !== '--nfmask') ctmask = mask;
  }
  return { nfmask, ctmask };
}
