/** Letters, digits, `-` and `_` alone are printed bare. */
function isPlain(code: number): boolean {
  if (code >= 97) return code <= 122;
  if (code >= 65) return code <= 90 || code === 95;
  return (code >= 48 && code <= 57) || code === 45;
}

/** A free text as xtables prints it: bare if it can be, else in quotes with `"`, `\` and `'` escaped. */
export function quote(text: string): string {
  let plain = text !== '';
  let escape = false;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (isPlain(code)) continue;
    plain = false;
    if (code === 34 || code === 39 || code === 92) escape = true;
  }
  if (plain) return text;
  return escape ? `"${text.replaceAll(/["'\\]/g, String.raw`\$&`)}"` : `"${text}"`;
}
