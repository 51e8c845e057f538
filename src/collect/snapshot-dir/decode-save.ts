const BYTE_ORDER_MARK = '\uFEFF';

/**
 * The text of what a command on a node printed, or of a file that holds it. The one place where bytes become text: a live
 * run and a saved one decode alike, so they give the same report. Bytes that are not UTF-8 (the kernel allows any in a
 * comment) become U+FFFD; the text then written as UTF-8 and decoded again is the same text. Windows' shells save
 * as UTF-16 with a byte order mark: that is understood, and marks are dropped.
 */
export function decodeSave(bytes: Uint8Array): string {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const isUtf16 = buffer[0] === 0xff && buffer[1] === 0xfe;
  let text = isUtf16 ? wellFormed(buffer.toString('utf16le')) : buffer.toString('utf8');
  while (text.startsWith(BYTE_ORDER_MARK)) text = text.slice(1);
  return text;
}

/** Without half surrogate pairs, which UTF-8 cannot hold. */
function wellFormed(text: string): string {
  return Buffer.from(text, 'utf8').toString('utf8');
}
