/** Answers of DNS servers that differ from the API, and those that only look so. */
import { describe, expect, it } from 'vitest';
import { DNS_ROWS } from './dns-rows.ts';
import { judge } from './object-rows.ts';

describe('DNS answers', () => {
  it.each(DNS_ROWS)('$name', ({ spec, codes, exit, words, note, confidence }) => {
    const report = judge(spec);
    expect(report.findings.map((finding) => finding.code).toSorted()).toEqual(codes);
    expect(report.verdict.exitCode).toBe(exit);
    if (words !== undefined) expect(JSON.stringify(report.findings)).toContain(words);
    if (confidence !== undefined) {
      const finding = report.findings.find(({ code }) => code > 'SVC220');
      expect(finding?.confidence).toBe(confidence);
    }
    const notes = report.notes.map(({ text }) => text).join('\n');
    if (note === undefined) expect(notes).toBe('');
    else expect(notes).toContain(note);
  });
});
