import { clusterFlags, colorFlag, resultFlags, selectionFlags } from './flags.ts';

/**
 * kubectl accepts `--all-namespaces=true` and `-A=false`; oclif does not. `=true` becomes the plain flag, `=false` goes.
 * What follows `--` is left alone.
 */
export function plainBooleans(argv: readonly string[]): string[] {
  const end = argv.indexOf('--');
  const own = end < 0 ? argv : argv.slice(0, end);
  const rest = end < 0 ? [] : argv.slice(end);
  return [...own.flatMap(plainBoolean), ...rest];
}

function plainBoolean(word: string): string[] {
  const [, name, value] = /^(--?[A-Za-z-]+)=(true|false)$/i.exec(word) ?? [];
  if (name === undefined || value === undefined || !BOOLEANS.has(name)) return [word];
  return value.toLowerCase() === 'true' ? [name] : [];
}

const BOOLEANS: ReadonlySet<string> = new Set(
  Object.entries({ ...clusterFlags, ...selectionFlags, ...resultFlags, ...colorFlag }).flatMap(([name, flag]) =>
    flag.type === 'boolean'
      ? [`--${name}`, ...('char' in flag && flag.char !== undefined ? [`-${flag.char}`] : [])]
      : [],
  ),
);
