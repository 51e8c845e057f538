/** docs/reliability.md promises a test for each fault: each of them is there, under that name. */
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ROOT } from './golden.ts';

const DOCUMENT = readFileSync(join(ROOT, 'docs/reliability.md'), 'utf8');

interface Row {
  readonly fault: string;
  readonly sees: string;
  readonly tests: string;
}

/** Rows of all tables: what stands between bars that are not within quotes or code. */
function rows(): readonly Row[] {
  return DOCUMENT.split('\n')
    .filter((line) => line.startsWith('|') && !/^\| *(-|Fault )/.test(line))
    .map((line) => {
      const [, fault = '', sees = '', tests = ''] = line.split(/(?<!\\)\|/).map((cell) => cell.trim());
      return { fault, sees, tests };
    });
}

interface Named {
  readonly file: string;
  readonly title: string | null;
}

/** `test/a.test.ts "one", "two"; b.test.ts "three"`: a file without a folder is in that of the one before. */
function named(tests: string): readonly Named[] {
  const found: Named[] = [];
  let folder = '';
  for (const [, path, title] of tests.matchAll(/([\w./-]+\.test\.ts)|"([^"]+)"/g)) {
    if (path !== undefined) {
      const file = path.includes('/') ? path : join(folder, path);
      folder = dirname(file);
      found.push({ file, title: null });
    } else if (title !== undefined) {
      found.push({ file: found.at(-1)?.file ?? '', title });
    }
  }
  return found;
}

/** What vitest replaces in a title, what a template does, and the document's own sign for what differs. */
const OPEN = /%[sdifjo]|\$\{[^}]*\}|\$[\w.]+|…/g;

/** Whether a text is what a title with open places may become. */
function becomes(title: string, text: string): boolean {
  const parts = title.split(OPEN).map((part) => part.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&'));
  return new RegExp(`^${parts.join('.*')}$`).test(text);
}

/** A title that is nothing but open places is that of any test. */
function says(title: string): boolean {
  return title.replaceAll(OPEN, '').trim().length > 2;
}

function literalsOf(file: string): readonly string[] {
  const source = readFileSync(join(ROOT, file), 'utf8');
  return [...source.matchAll(/'((?:[^'\\\n]|\\.)*)'|"((?:[^"\\\n]|\\.)*)"|`((?:[^`\\]|\\.)*)`/g)]
    .map(([, single, double, template]) => single ?? double ?? template ?? '')
    .map((text) => text.replaceAll(/\\(.)/g, '$1'));
}

/** Either may leave open what a table of the test fills in. */
function isThere({ file, title }: Named): boolean {
  if (title === null) return true;
  return literalsOf(file).some((text) => says(text) && (becomes(text, title) || becomes(title, text)));
}

describe('docs/reliability.md', () => {
  it('has rows with a fault, what is seen of it, and a test', () => {
    expect(rows().length).toBeGreaterThan(70);
    expect(rows().filter(({ fault, sees }) => fault === '' || sees === '')).toEqual([]);
    expect(rows().filter(({ tests }) => named(tests).length === 0)).toEqual([]);
  });

  it('names only test files that are there', () => {
    const files = rows().flatMap(({ tests }) => named(tests).map(({ file }) => file));
    expect([...new Set(files)].filter((file) => !existsSync(join(ROOT, file)))).toEqual([]);
  });

  it('names only tests that are there', () => {
    const absent = rows().flatMap(({ fault, tests }) =>
      named(tests)
        .filter((test) => existsSync(join(ROOT, test.file)) && !isThere(test))
        .map(({ file, title }) => `${fault}: ${file} "${title ?? ''}"`),
    );
    expect(absent).toEqual([]);
  });
});
