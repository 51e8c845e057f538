import { eastAsianWidth } from 'get-east-asian-width';

/** Breaks a line at blanks so that no piece is wider than `width` columns, words longer than that excepted. */
export function wrap(line: string, width: number): readonly string[] {
  const lines: string[] = [];
  let current = '';
  for (const word of line.split(' ')) {
    const longer = current === '' ? word : `${current} ${word}`;
    if (current !== '' && columns(longer) > width) {
      lines.push(current);
      current = word;
    } else current = longer;
  }
  return [...lines, current];
}

/** Marks that join the character before them are counted too: such a line is broken early, never late. */
function columns(text: string): number {
  let sum = 0;
  for (const character of text) sum += eastAsianWidth(character.codePointAt(0) ?? 0);
  return sum;
}
