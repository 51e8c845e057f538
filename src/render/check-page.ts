import type { CheckHeader } from '../model/check-header.ts';

/** One line for each check: code, severity, invariant, healthy statement. */
export function checkList(checks: readonly CheckHeader[]): string {
  return checks
    .map((check) => `${check.id}  ${check.severity.padEnd(7)}  ${check.invariant ?? '  '}  ${check.title}\n`)
    .join('');
}

/** The page of one check, in Markdown that reads well on a terminal too. */
export function checkPage(check: CheckHeader): string {
  const { docs } = check;
  return (
    [
      `# ${check.id} ${check.slug}`,
      `Checked: ${check.title}.`,
      `Severity: ${check.severity}${check.harmless === undefined ? '' : ` (${check.harmless} when nothing changes for packets)`}. Invariant: ${check.invariant ?? 'none'}.`,
      '## Why it matters',
      docs.why,
      '## Common causes',
      docs.causes.map((cause) => `- ${cause}`).join('\n'),
      '## What to do',
      docs.fix.map((step, index) => `${index + 1}. ${step}`).join('\n'),
      '## When to ignore it',
      docs.ignoreWhen,
    ].join('\n\n') + '\n'
  );
}
