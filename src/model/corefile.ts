/** CoreDNS' configuration as a language: server blocks of plugins (https://coredns.io/manual/configuration/). */

export interface ServerBlock {
  /** Zones with ports: `.:53`, `example.org`; one in parentheses is a snippet, which is nothing until it is imported. */
  readonly keys: readonly string[];
  readonly plugins: readonly CorefilePlugin[];
}

export interface CorefilePlugin {
  readonly name: string;
  readonly args: readonly string[];
  /** Lines of its own block. */
  readonly options: readonly (readonly string[])[];
}

interface Token {
  readonly text: string;
  readonly line: number;
}

/** Name of the line that takes in another file, or a snippet. */
export const IMPORT = `import`;

/** The blocks, in order; null when braces do not match. An `import` between blocks is a block without plugins. */
export function parseCorefile(text: string): readonly ServerBlock[] | null {
  const tokens = tokensOf(text);
  const blocks: ServerBlock[] = [];
  let position = 0;
  while (position < tokens.length) {
    const open = tokens.findIndex(({ text: word }, index) => index >= position && word === '{');
    const [first] = tokens.slice(position, position + 1);
    const line = tokens.slice(position).filter((token) => token.line === first?.line);
    if (first?.text === IMPORT) {
      blocks.push({ keys: line.map((token) => token.text), plugins: [] });
      position += line.length;
      continue;
    }
    const close = open < 0 ? -1 : closing(tokens, open);
    if (close < 0) return null;
    const keys = tokens.slice(position, open).flatMap((token) => token.text.split(',').filter((key) => key !== ''));
    blocks.push({ keys, plugins: linesOf(tokens.slice(open + 1, close)).map(pluginOf) });
    position = close + 1;
  }
  return blocks;
}

function tokensOf(text: string): readonly Token[] {
  return text.split('\n').flatMap((content, line) => {
    const words: Token[] = [];
    for (const [word] of content.matchAll(/"(?:[^"\\]|\\.)*"|\S+/g)) {
      if (word.startsWith('#')) break;
      words.push({ text: word.startsWith('"') ? word.slice(1, -1) : word, line });
    }
    return words;
  });
}

/** Where the brace that is open at `open` is closed; -1: nowhere. */
function closing(tokens: readonly Token[], open: number): number {
  let depth = 0;
  for (let index = open; index < tokens.length; index++) {
    if (tokens[index]?.text === '{') depth++;
    if (tokens[index]?.text === '}' && --depth === 0) return index;
  }
  return -1;
}

/** One list for each line of the outermost level, with the block that begins on it. */
function linesOf(tokens: readonly Token[]): readonly (readonly Token[])[] {
  const lines: Token[][] = [];
  for (let index = 0; index < tokens.length;) {
    const { line } = tokens[index] ?? { line: -1 };
    let end = index;
    while (end < tokens.length && tokens[end]?.line === line) {
      end = tokens[end]?.text === '{' ? Math.max(closing(tokens, end), end) + 1 : end + 1;
    }
    lines.push(tokens.slice(index, end));
    index = end;
  }
  return lines;
}

function pluginOf(tokens: readonly Token[]): CorefilePlugin {
  const open = tokens.findIndex(({ text }) => text === '{');
  const head = (open < 0 ? tokens : tokens.slice(0, open)).map(({ text }) => text);
  const [name = '', ...args] = head;
  const inner = open < 0 ? [] : linesOf(tokens.slice(open + 1, -1));
  return { name, args, options: inner.map((line) => line.map(({ text }) => text)) };
}

/** The block that answers for the cluster's Services; null: none has the plugin `kubernetes`. */
export function kubernetesBlock(blocks: readonly ServerBlock[]): ServerBlock | null {
  return blocks.find(({ plugins }) => plugins.some(({ name }) => name === 'kubernetes')) ?? null;
}

/** Domains of Services: those `kubernetes` has, else those of its block; without the reverse ones. */
export function zonesOf(blocks: readonly ServerBlock[]): readonly string[] {
  const block = kubernetesBlock(blocks);
  const args = block?.plugins.find(({ name }) => name === 'kubernetes')?.args ?? [];
  return (args.length > 0 ? args : (block?.keys ?? []))
    .map(zoneOf)
    .filter((zone) => /^[a-z0-9]/.test(zone) && !zone.endsWith('.arpa') && !zone.includes('/'));
}

/** `dns://cluster.local.:53` is `cluster.local`. */
export function zoneOf(key: string): string {
  return key
    .replace(/^[a-z]+:\/\//, '')
    .replace(/:\d+$/, '')
    .replace(/\.$/, '')
    .toLowerCase();
}
