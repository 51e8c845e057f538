import type { CheckHeader } from '../model/check-header.ts';

/** One line for each check: code, severity, invariant, healthy statement. */
export function checkList(checks: readonly CheckHeader[]): string {
  return checks
    .map((check) => `${check.id}  ${check.severity.padEnd(7)}  ${check.invariant ?? '  '}  ${check.title}\n`)
    .join('');
}

/** The page of one check, in Markdown that reads well on a terminal too. `example`: a finding of it, as the screen shows it. */
export function checkPage(check: CheckHeader, example: string): string {
  const { docs } = check;
  return (
    [
      `# ${check.id} ${check.slug}`,
      `Checked: ${check.title}.`,
      `Severity: ${check.severity}${unfelt(check)}. Invariant: ${check.invariant ?? 'none'}.`,
      '## Why it matters',
      docs.why,
      '## Common causes',
      docs.causes.map((cause) => `- ${cause}`).join('\n'),
      '## What to do',
      docs.fix.map((step, index) => `${index + 1}. ${step}`).join('\n'),
      '## When to ignore it',
      docs.ignoreWhen,
      '## Example',
      example.replaceAll(/^/gm, '    ').replaceAll(/ +$/gm, ''),
    ].join('\n\n') + '\n'
  );
}

/** Rules are judged by what they do: an error that no packet feels is a warning. */
function unfelt({ id, severity, harmless }: CheckHeader): string {
  if (id.startsWith('SVC2') || (harmless === undefined && severity !== 'error')) return '';
  return ` (${harmless ?? 'warning'} where nothing changes for packets)`;
}
