/** Objects that cannot work, each with its own code; the rules for them are right, and stay unreported. */
import { describe, expect, it } from 'vitest';
import { DNS_ROWS } from './dns-rows.ts';
import { ROWS, forgottenPod, judge, unmirrored } from './object-rows.ts';

describe('objects', () => {
  it.each([
    ['long ago', '2026-11-23T09:00:00Z', ['SVC211']],
    ['only just', '2026-11-23T09:59:30Z', []],
  ])('a pod that is ready since %s and in no slice', (_, since, codes) => {
    expect(forgottenPod(since).findings.map((finding) => finding.code)).toEqual(codes);
  });

  it('an address of an Endpoints object that was not mirrored', () => {
    const { findings, verdict } = unmirrored();
    expect(findings.map((finding) => [finding.code, finding.found])).toEqual([['SVC215', '10.168.1.7:8080']]);
    expect(verdict.exitCode).toBe(1);
  });

  it('fires every check of the hundred 2', async () => {
    const { CHECKS } = await import('../../src/checks/index.ts');
    const fired = new Set([...[...ROWS, ...DNS_ROWS].flatMap((row) => row.codes), 'SVC211', 'SVC215']);
    const silent = CHECKS.filter((check) => check.id.startsWith('SVC2') && !fired.has(check.id));
    expect(silent.map((check) => check.id)).toEqual([]);
  });

  it.each(ROWS)('$name', ({ spec, codes, exit, words }) => {
    const report = judge(spec);
    expect(report.findings.map((finding) => finding.code).toSorted()).toEqual(codes);
    expect(report.verdict.exitCode).toBe(exit);
    if (words !== undefined) expect(JSON.stringify(report.findings)).toContain(words);
  });
});
