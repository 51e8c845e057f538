/**
 * Names, comments and error texts come from strangers. What could move the cursor, colour the terminal, forge a line or
 * turn text around is shown as `\x1b`-like escapes instead. The one place for it.
 */
export function neutral(text: string): string {
  return text.replace(UNSAFE, (char) => {
    const code = char.codePointAt(0) ?? 0;
    return code < 0x100 ? `\\x${code.toString(16).padStart(2, '0')}` : `\\u{${code.toString(16)}}`;
  });
}

/** C0 and C1 controls, bidirectional overrides and isolates, line and paragraph separators, lone surrogates, BOM. */
// oxlint-disable-next-line no-control-regex -- control characters are what this is about
const UNSAFE = /[\u0000-\u001f\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff]/gu;
