/** Documentation that is made from the program: a page for each check, the list, and the screens of the README. */
import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { EXAMPLES } from '../src/checks/examples.ts';
import { CHECKS, RETIRED } from '../src/checks/index.ts';
import { checkPage } from '../src/render/check-page.ts';
import { expectGolden, ROOT } from './golden.ts';
import { dropLines, run, withRecording } from './commands/run.ts';

const RECORDING = 'hostnames-1.37-iptables-nft';

function fileOf(check: { readonly id: string; readonly slug: string }): string {
  return `${check.id.toLowerCase()}-${check.slug}`;
}

function list(): string {
  const rows = CHECKS.map(
    (check) =>
      `| [${check.id}](checks/${fileOf(check)}.md) | ${check.severity} | ${check.invariant ?? ''} | ${check.title} |`,
  );
  return [
    '# Checks',
    'Made from the program by `npm run update`. The title is the healthy statement.',
    'The hundreds: 2xx objects (selectors, readiness, ports) · 3xx rules absent or wrong (the invariants I1 to I4 live here) · 4xx structure of the rule set · 5xx what becomes of connections · 6xx the condition of nodes: their kube-proxy and the settings of their kernel.',
    'Rules are judged by what they do: where a walk through the rules shows that nothing changes for packets, an error is a warning.',
    `| code | severity | invariant | checked |\n|---|---|---|---|\n${rows.join('\n')}`,
  ]
    .join('\n\n')
    .concat('\n');
}

describe('catalogue', () => {
  it('has one file for each check, named by code and slug', () => {
    const files = readdirSync(join(ROOT, 'src/checks')).filter((file) => /^svc\d{3}-/.test(file));
    expect(files.toSorted()).toEqual(CHECKS.map((check) => `${fileOf(check)}.ts`).toSorted());
  });

  it('never uses a code twice, nor a retired one', () => {
    const ids = CHECKS.map((check) => check.id);
    expect(new Set(ids).size).toBe(ids.length);
    expect(ids.filter((id) => RETIRED.includes(id))).toEqual([]);
    expect(ids).toEqual(ids.toSorted());
  });
});

describe('docs/checks', () => {
  if (process.env['UPDATE'] === '1') rmSync(join(ROOT, 'docs/checks'), { recursive: true, force: true });

  it('lists every check', () => {
    expectGolden('docs/checks.md', list());
  });

  it.each(CHECKS)('has the page of $id', (check) => {
    expectGolden(`docs/checks/${fileOf(check)}.md`, checkPage(check, EXAMPLES[check.id] ?? ''));
  });

  it('has no page of a check that is not there', () => {
    expect(readdirSync(join(ROOT, 'docs/checks')).toSorted()).toEqual(
      CHECKS.map((check) => `${fileOf(check)}.md`).toSorted(),
    );
  });
});

describe('README', () => {
  const screens: Readonly<Record<string, () => string>> = {
    healthy: () => withRecording(RECORDING, () => {}, screenOf),
    broken: () => withRecording(RECORDING, breakIt, screenOf),
  };

  function breakIt(folder: string): void {
    dropLines(join(folder, 'nodes/rain-kubernetes-2/iptables-nft-save'), '--to-destination 10.168.1.12:9376');
  }

  function screenOf(folder: string): string {
    return run(['check', 'hostnames', '--from', folder], { KUBECTL_PATH: 'kubectl' }).stdout;
  }

  it('shows the screens as they are', () => {
    const readme = readFileSync(join(ROOT, 'README.md'), 'utf8');
    const shown = readme.replaceAll(
      /(<!-- screen:(\w+) -->\n)[\s\S]*?(<!-- \/screen -->)/g,
      (_, open: string, name: string, close: string) => {
        const text = (screens[name]?.() ?? '')
          .split('\n')
          .map((line) => (line === '' ? '' : `    ${line}`))
          .join('\n');
        return `${open}\n${text}${close}`;
      },
    );
    expectGolden('README.md', shown);
  });
});
