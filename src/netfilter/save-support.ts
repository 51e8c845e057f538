import { knownModules, type KnownModule } from './save-modules.ts';
import { knownTargets } from './save-targets.ts';

/** The text of `docs/iptables-support.md`, made from the tables the parser reads with. */
export function supportPage(): string {
  const { understood, continues, opaque } = knownTargets();
  return [
    INTRODUCTION,
    '## Without `-m`',
    '',
    ...table(['Option', 'Answer'], HEADER_ROWS),
    '## Matches',
    '',
    ...table(
      ['Module', 'Understood', 'Kept as words'],
      knownModules().map((module) => [`\`${module.name}\``, understoodOf(module), options(module.kept)]),
    ),
    '## Targets',
    '',
    ...table(
      ['Target', 'What becomes of the packet'],
      [
        ['a chain, by `-j` or `-g`', 'goes on in that chain; a chain wins over a target of the same name'],
        ...understood.map(([name, list]) => [`\`${name}\``, fate(list)]),
        [codes(continues), 'goes on with the next rule; options kept as words'],
        [codes(opaque), '_unknown_; options kept as words'],
        ['any other name with options, `[unsupported revision]`', '_unknown_; kept as text and reported'],
      ],
    ),
  ].join('\n');
}

const INTRODUCTION = `# What is understood of iptables-save

Generated from the tables the parser reads with. Both back ends, both families, with and without counters.

- _Understood_: compared by meaning and decided when a packet is followed.
- _Kept as words_: known, printed as it was read, but the answer for a packet is _unknown_, never a guess.
- A module or target that is in no table here is kept as text, reported with its line, and _unknown_ too.
`;

const HEADER_ROWS: readonly (readonly string[])[] = [
  ['`-s`, `-d`, `-p`, `-i`, `-o`', 'understood'],
  ['`-s` or `-d` with a mask that has holes, `-f`', 'kept as words'],
];

/** Columns are padded as the formatter of this repository does. */
function table(head: readonly string[], rows: readonly (readonly string[])[]): readonly string[] {
  const widths = head.map((_, column) => Math.max(...[head, ...rows].map((cells) => cells[column]?.length ?? 0)));
  const rule = widths.map((width) => '-'.repeat(width));
  return [...[head, rule, ...rows].map((cells) => row(cells, widths)), ''];
}

function row(cells: readonly string[], widths: readonly number[]): string {
  return `| ${cells.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(' | ')} |`;
}

function codes(names: readonly string[]): string {
  return names.map((name) => `\`${name}\``).join(', ');
}

function options(usages: readonly string[]): string {
  return usages.length === 0 ? '–' : codes(usages);
}

function understoodOf(module: KnownModule): string {
  return module.name === 'comment' ? 'kept as the comment of the rule' : options(module.understood);
}

function fate(list: string): string {
  return list === '' ? 'understood' : `understood: ${codes(list.split(', '))}`;
}
