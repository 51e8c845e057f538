import { globSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const SRC = fileURLToPath(new URL('../src', import.meta.url));

/** The dependency direction of docs/architecture.md: folder → folders of src and outside packages it may import. */
const ALLOWED: Readonly<Record<string, { readonly own: readonly string[]; readonly outside: readonly string[] }>> = {
  model: { own: [], outside: ['ipaddr.js'] },
  netfilter: { own: ['model'], outside: ['ipaddr.js'] },
  kubeproxy: { own: ['model', 'netfilter'], outside: ['node:crypto', 'yaml'] },
  checks: { own: ['model', 'netfilter', 'kubeproxy'], outside: [] },
  analyze: { own: ['model', 'netfilter', 'kubeproxy', 'checks'], outside: [] },
  render: { own: ['model'], outside: ['chalk', 'cli-table3', 'get-east-asian-width', 'yaml'] },
  collect: {
    own: ['model'],
    outside: [
      '@kubernetes/client-node',
      'ws',
      'ssh2',
      'undici',
      'yaml',
      'p-limit',
      'tar-stream',
      'dns-packet',
      'node:*',
    ],
  },
  cli: { own: ['model', 'collect', 'analyze', 'render', ''], outside: ['@oclif/core', 'node:*'] },
  commands: { own: ['cli', 'model', 'collect', 'analyze', 'checks', 'render', ''], outside: ['@oclif/core', 'node:*'] },
  '': { own: ['cli', 'commands', '..'], outside: ['@oclif/core', 'node:*'] },
};

/** What the core may not touch: it is given everything it thinks about. */
const PURE: ReadonlySet<string> = new Set(['model', 'netfilter', 'kubeproxy', 'checks', 'analyze', 'render']);
const IMPURE = /\b(?:process\.|Date\.now|new Date\(\)|Math\.random|performance\.now|setTimeout|console\.)/;

interface Import {
  readonly file: string;
  readonly folder: string;
  readonly from: string;
}

const files = globSync('**/*.ts', { cwd: SRC }).toSorted();

function importsOf(file: string): readonly Import[] {
  const text = readFileSync(join(SRC, file), 'utf8');
  const found = text.matchAll(/(?:from|import)\s*\(?\s*'([^']+)'/g);
  return [...found].map(([, from = '']) => ({ file, folder: folderOf(file), from }));
}

function folderOf(file: string): string {
  return file.includes('/') ? (file.split('/')[0] ?? '') : '';
}

function isAllowed({ file, folder, from }: Import): boolean {
  const rules = ALLOWED[folder];
  if (rules === undefined) return false;
  if (!from.startsWith('.'))
    return rules.outside.some((name) =>
      name === 'node:*' ? from.startsWith('node:') : from === name || from.startsWith(`${name}/`),
    );
  const target = relative(SRC, join(SRC, dirname(file), from));
  if (target.startsWith('..')) return rules.own.includes('..');
  const targetFolder = folderOf(target);
  return targetFolder === folder || rules.own.includes(targetFolder);
}

describe('architecture', () => {
  it('imports only in the direction of docs/architecture.md', () => {
    const forbidden = files.flatMap(importsOf).filter((entry) => !isAllowed(entry));
    expect(forbidden.map(({ file, from }) => `${file} imports ${from}`)).toEqual([]);
  });

  it('keeps clock, randomness, environment and console out of the core', () => {
    const impure = files
      .filter((file) => PURE.has(folderOf(file)))
      .filter((file) => IMPURE.test(readFileSync(join(SRC, file), 'utf8').replaceAll(/\/\*[\s\S]*?\*\/|\/\/.*/g, '')));
    expect(impure).toEqual([]);
  });

  it('keeps one check from knowing another', () => {
    const knowing = files
      .filter((file) => file.startsWith('checks/svc'))
      .flatMap(importsOf)
      .filter(({ from }) => /svc\d{3}/.test(from));
    expect(knowing).toEqual([]);
  });
});
