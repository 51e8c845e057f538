/**
 * Why what a save printed cannot be all of it, in words; null when it is. Each `*table` must have its `COMMIT`. No output at
 * all is complete: there are no tables. A comment may hold line breaks, and lines that look like these: what is within
 * quotes does not count.
 */
export function incompleteness(text: string): string | null {
  let table: string | null = null;
  let isQuoted = false;
  let lines = 0;
  for (let start = 0; start < text.length; lines++) {
    const end = text.indexOf('\n', start);
    if (end < 0) return `it ends in the middle of line ${lines + 1}`;
    const line = text.slice(start, end);
    start = end + 1;
    const wasQuoted = isQuoted;
    if (wasQuoted || !line.startsWith('#')) isQuoted = isQuotedAfter(line, wasQuoted);
    if (wasQuoted) continue;
    if (line.startsWith('*')) {
      if (table !== null) return `table ${table} has no end`;
      table = line.slice(1);
    } else if (line === 'COMMIT') {
      if (table === null) return `line ${lines + 1} ends a table that has not begun`;
      table = null;
    }
  }
  if (isQuoted) return 'it ends within quotes';
  return table === null ? null : `it ends inside table ${table} after ${lines} lines`;
}

/** Whether the next line is within quotes. Inside them a backslash takes the next character's meaning away. */
function isQuotedAfter(line: string, wasQuoted: boolean): boolean {
  if (!line.includes('"')) return wasQuoted;
  let isQuoted = wasQuoted;
  for (let at = 0; at < line.length; at++) {
    const character = line[at];
    if (character === '\\' && isQuoted) at += 1;
    else if (character === '"') isQuoted = !isQuoted;
  }
  return isQuoted;
}
