import { spawnSync } from 'node:child_process';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Family } from '../../src/model/address.ts';
import { parseSave } from '../../src/netfilter/parse.ts';
import { printRule, printRuleset } from '../../src/netfilter/print.ts';
import { completeRuleset, rulesOf, TOOL_SAVES } from './parse-saves.ts';
import { loadableRule } from './print-rules.ts';

/**
 * The text this program prints is loaded by the real iptables-restore, and what the real iptables-save prints of it
 * must be what it printed before. Every load happens in a network namespace of its own, made by `unshare -n`.
 */

const SEED = 20_261_123;

const FORGED = 'x\nCOMMIT\n*nat\n:X - [0:0]\n-A X -j DROP\n# Completed';

type Variant = 'nft' | 'legacy';

const VARIANTS: readonly Variant[] = ['nft', 'legacy'];

function inNamespace(
  script: string,
  input: string,
  env: NodeJS.ProcessEnv = {},
): { readonly status: number | null; readonly out: string; readonly err: string } {
  const run = spawnSync('unshare', ['-n', 'sh', '-ec', script], {
    input,
    encoding: 'utf8',
    maxBuffer: 2 ** 28,
    env: { ...process.env, ...env },
  });
  return { status: run.status, out: run.stdout, err: run.stderr };
}

function whyNot(): string | null {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return 'this needs root on Linux';
  const missing = VARIANTS.flatMap((variant) => ['iptables', 'ip6tables'].map((tool) => `${tool}-${variant}-restore`));
  const check = inNamespace(`for tool in ${missing.join(' ')} ipset; do command -v $tool; done; iptables-nft -L`, '');
  return check.status === 0 ? null : `iptables or ipset cannot be used: ${check.err.trim()}`;
}

const reason = whyNot();
if (reason !== null && process.env['CI'] !== undefined) throw new Error(`printing cannot be compared: ${reason}`);
if (reason !== null) console.warn(`SKIPPED: what is printed is not loaded into a real iptables: ${reason}`);

/** Sets must exist before a rule can name them. Two flags anywhere make it a set of two dimensions. */
function setsOf(text: string): string {
  const dimensions = new Map<string, number>();
  for (const [, name = '', flags = ''] of text.matchAll(/--(?:match|add|del)-set (\S+) (\S+)/g)) {
    dimensions.set(name, Math.max(dimensions.get(name) ?? 0, flags.split(',').length));
  }
  return [...dimensions]
    .map(([name, count]) => `ipset create ${name} ${count === 1 ? 'hash:net' : 'hash:ip,port'} counters timeout 60;`)
    .join(' ');
}

/** Saves the text after loading it: without the lines that hold the time, tables by name (legacy: in order of load). */
function loadAndSave(variant: Variant, family: Family, text: string): string {
  const tool = `${family === 'IPv4' ? 'iptables' : 'ip6tables'}-${variant}`;
  const run = inNamespace(`${setsOf(text)} ${tool}-restore; ${tool}-save`, text);
  if (run.status !== 0) throw new Error(run.err);
  return run.out
    .replaceAll(/^#.*\n/gm, '')
    .split(/^(?=\*)/m)
    .sort()
    .join('');
}

function printedAgain(text: string, family: Family): string {
  const save = parseSave(text, { family, backend: 'unknown', source: 'x' });
  if (save.status === 'incomplete') throw new Error(`line ${save.line}: ${save.reason}`);
  expect(save.notes).toEqual([]);
  return printRuleset(save.ruleset);
}

describe.runIf(reason === null).each(VARIANTS)('iptables-%s', (variant) => {
  test.each(TOOL_SAVES)('has the same rules after $name was printed and loaded', ({ text, family }) => {
    const before = loadAndSave(variant, family, text);
    expect(before).toContain('-A ');
    const printed = printedAgain(before, family);
    expect(loadAndSave(variant, family, printed)).toBe(before);
  });

  test('prints random rules as this program does', () => {
    const rules = fc.sample(loadableRule, { seed: SEED, numRuns: 300 }).map(printRule);
    const text = ['*filter', ':INPUT ACCEPT [0:0]', ':A - [0:0]', ':B - [0:0]', ...rules, 'COMMIT', ''].join('\n');
    const saved = loadAndSave(variant, 'IPv4', text);
    expect(saved.split('\n').filter((line) => line.startsWith('-A '))).toEqual(rules);
  });

  test('prints comments that forge lines, and they are read as comments', () => {
    const comments = [FORGED, '"', "'", '\\', '-j', '', ' ', '\u001b[31m', 'ü\r', '\r', 'a\n', 'it\'s "x"'];
    const env = Object.fromEntries(comments.map((comment, index) => [`COMMENT_${index}`, comment]));
    const add = comments.map(
      (_, index) => `iptables-${variant} -A INPUT -m comment --comment "$COMMENT_${index}" -j DROP`,
    );
    const run = inNamespace(`${add.join('; ')}; iptables-${variant}-save -c`, '', env);
    expect(run.err).toBe('');
    const rules = rulesOf(completeRuleset(run.out));
    expect(rules.map((rule) => rule.comment)).toEqual(comments);
    expect(rules.map((rule) => rule.target.kind)).toEqual(comments.map(() => 'drop'));
  });
});
