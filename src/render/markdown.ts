import { INVARIANTS, type Finding, type Report, type ServicePortResult } from '../model/report.ts';
import {
  detourLines,
  placeOf,
  portLabel,
  proofLines,
  proxyLine,
  readLine,
  STATE_WORDS,
  tally,
  unjudgedGroups,
} from './lines.ts';
import { neutral } from './neutral.ts';

/** For incident tickets: GitHub-flavoured Markdown, nothing of strangers is interpreted. */
export function renderMarkdown(report: Report, program: string): string {
  const blocks = [
    `## ${escape(report.verdict.summary)}`,
    matrix(report.servicePorts),
    ...report.findings.map((finding) => findingBlock(finding, program)),
    coverage(report),
    notes(report),
    `_${escape(proxyLine(report))} · ${escape(readLine(report))} · kubectl-svcdoctor ${escape(report.metadata.toolVersion)}_`,
  ];
  return `${blocks.filter((block) => block !== '').join('\n\n')}\n`;
}

function matrix(ports: readonly ServicePortResult[]): string {
  if (ports.length === 0) return '';
  const rows = ports.map((port) => {
    const cells = INVARIANTS.map((invariant) =>
      `${STATE_WORDS[port.invariants[invariant].state]} ${tally(port.invariants[invariant])}`.trim(),
    );
    return `| ${[escape(`${port.namespace}/${port.service} ${portLabel(port)}`), escape(port.addresses.join(' ')), ...cells].join(' | ')} |`;
  });
  return [
    '| Service port | addresses | entry I1 | endpoints I2 | balancing I3 | SNAT I4 |',
    '|---|---|---|---|---|---|',
    ...rows,
  ].join('\n');
}

function findingBlock(finding: Finding, program: string): string {
  const place = placeOf(finding);
  const found = [...(finding.found === undefined ? [] : [finding.found]), ...proofLines(finding)];
  return [
    `### ${finding.severity} ${finding.code}: ${escape(finding.title)}`,
    [
      ...(place === '' ? [] : [`- **nodes**: ${escape(finding.nodes.join(', '))}`]),
      finding.servicePorts.length === 0
        ? `- **Services**: ${escape(finding.services.join(', '))}`
        : `- **Service ports**: ${escape(finding.servicePorts.join(', '))}`,
      ...(finding.impact === undefined ? [] : [`- **impact**: ${escape(finding.impact)}`]),
      `- **confidence**: ${finding.confidence}`,
    ].join('\n'),
    ...(finding.expected.length === 0 ? [] : [`expected\n\n${fenced(finding.expected)}`]),
    ...(found.length === 0 ? [] : [`found\n\n${fenced(found)}`]),
    ...(finding.fix.length === 0 ? [] : [`fix\n\n${fenced(finding.fix)}`]),
    `more: \`${program} ${finding.explain}\``,
  ].join('\n\n');
}

function coverage(report: Report): string {
  const lines = [
    ...unjudgedGroups(report).map(
      (group) =>
        `- ${escape(group.headline)}: ${escape(group.reasons.join('; '))}${group.tryThis === null ? '' : ` ${escape(group.tryThis)}`}`,
    ),
    ...report.coverage.missing.map((part) => `- ${escape(part.part)} was not read: ${escape(part.reason)}`),
  ];
  const detours = detourLines(report).map((line) => `- ${escape(line)}`);
  const all = [
    lines.length === 0 ? '' : `### Not looked at\n\n${lines.join('\n')}`,
    detours.length === 0 ? '' : `### Read another way\n\n${detours.join('\n')}`,
  ];
  return all.filter((block) => block !== '').join('\n\n');
}

function notes(report: Report): string {
  if (report.notes.length === 0) return '';
  const lines = report.notes.map((note) => {
    const line = note.line === undefined ? '' : ` line ${note.line}`;
    return `- ${escape(note.source)}${line}: ${escape(note.text)} (${escape(note.consequence)})`;
  });
  return `### Notes\n\n${lines.join('\n')}`;
}

/** A fence longer than any run of backticks inside. */
function fenced(lines: readonly string[]): string {
  const text = lines.map(neutral).join('\n');
  const longest = Math.max(2, ...[...text.matchAll(/`+/g)].map(([run]) => run.length));
  const fence = '`'.repeat(longest + 1);
  return `${fence}\n${text}\n${fence}`;
}

/** Outside fences: no markup, no HTML, no mention and no link comes from a report. */
function escape(text: string): string {
  return neutral(text).replace(/[\\`*_{}[\]<>#|~@&]/g, (char) =>
    char === '<' ? '&lt;' : char === '&' ? '&amp;' : char === '@' ? '&#64;' : `\\${char}`,
  );
}
