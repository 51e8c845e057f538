import { Chalk, type ChalkInstance } from 'chalk';
import Table from 'cli-table3';
import type { Finding, Report, ServicePortResult, Severity, State } from '../model/report.ts';
import { INVARIANTS } from '../model/report.ts';
import {
  count,
  detourLines,
  placeOf,
  portLabel,
  portLine,
  proofLines,
  proxyLine,
  readLine,
  subjectOf,
  tally,
  unjudgedGroups,
} from './lines.ts';
import { neutral } from './neutral.ts';
import { wrap } from './wrap.ts';

export interface TerminalOptions {
  readonly color: boolean;
  /** Columns; text is wrapped at them. */
  readonly width: number;
  /** All nodes, settings and notes. */
  readonly wide: boolean;
  /** How the user calls us: `kubectl svcdoctor`. */
  readonly program: string;
}

/** The screen: the answer first, then the matrix, then the findings, worst first, then what was looked at. */
export function renderTerminal(report: Report, options: TerminalOptions): string {
  const paint = new Chalk({ level: options.color ? 1 : 0 });
  const draw = { paint, options };
  const blocks = [
    headline(report, draw),
    serviceLines(report, draw),
    matrix(report, draw),
    ...report.findings.map((finding) => findingBlock(finding, report, draw)),
    unread(report, draw),
    notes(report, draw),
    footer(report, draw),
  ];
  return `${blocks.filter((block) => block !== '').join('\n')}\n`;
}

/** One finding as it stands in the report's screen. */
export function renderFinding(finding: Finding, report: Report, options: TerminalOptions): string {
  return findingBlock(finding, report, { paint: new Chalk({ level: options.color ? 1 : 0 }), options });
}

interface Draw {
  readonly paint: ChalkInstance;
  readonly options: TerminalOptions;
}

const MARKS: Readonly<Record<State, string>> = { ok: '✔', failed: '✖', undetermined: '?', 'not-applicable': '–' };
const SEVERITY_MARKS: Readonly<Record<Severity, string>> = { error: '✖', warning: '‼', info: 'ℹ' };

/** More ports than this in a healthy answer are a number, not a list. */
const MANY_PORTS = 12;

function headline(report: Report, { paint }: Draw): string {
  const { outcome, summary } = report.verdict;
  const text = neutral(summary);
  switch (outcome) {
    case 'healthy':
      return `${paint.green('✔')} ${paint.bold(text)}`;
    case 'findings':
      return `${report.verdict.errors > 0 ? paint.red('✖') : paint.yellow('‼')} ${paint.bold(text)}`;
    case 'incomplete':
      return `${paint.yellow('?')} ${paint.bold(text)}`;
  }
}

/** A line for each healthy Service port; broken ones have the matrix. */
function serviceLines(report: Report, draw: Draw): string {
  const ports = report.servicePorts.filter((port) => !needsMatrix(port));
  if (ports.length > MANY_PORTS && !draw.options.wide) return '';
  return ports.map((port) => servicePortLine(port, report, draw)).join('\n');
}

function servicePortLine(port: ServicePortResult, report: Report, { paint }: Draw): string {
  const states = INVARIANTS.map((invariant) => `${invariant} ${mark(port.invariants[invariant].state, paint)}`);
  const several = report.services.length > 1;
  const name = port.id.includes(':') ? port.id.slice(port.id.indexOf(':') + 1) : '';
  const label = several ? port.id : name;
  return `  ${label === '' ? '' : `${neutral(label)}  `}${neutral(portLine(port))}   ${states.join('  ')}`;
}

function needsMatrix(port: ServicePortResult): boolean {
  return INVARIANTS.some((invariant) => ['failed', 'undetermined'].includes(port.invariants[invariant].state));
}

/** More rows than this hide the findings below them. */
const MANY_ROWS = 40;
const SHOWN_ROWS = 20;

function matrix(report: Report, { paint, options }: Draw): string {
  const all = report.servicePorts.filter(needsMatrix);
  if (all.length === 0) return '';
  const ports = options.wide || all.length <= MANY_ROWS ? all : all.slice(0, SHOWN_ROWS);
  const rest = all.length - ports.length;
  const table = new Table({
    head: ['Service port', 'entry I1', 'endpoints I2', 'balancing I3', 'SNAT I4'],
    style: { head: [], border: [], 'padding-left': 0, 'padding-right': 3 },
    chars: NO_BORDERS,
  });
  const several = report.services.length > 1;
  for (const port of ports) {
    const label = several ? `${port.namespace}/${port.service} ${portLabel(port)}` : portLabel(port);
    table.push([neutral(label), ...INVARIANTS.map((invariant) => cell(port, invariant, paint))]);
  }
  const more = rest === 0 ? '' : `\n${paint.dim(`  … and ${count(rest, 'more Service port')}: -o wide`)}`;
  return `\n${indent(table.toString(), '  ')}${more}`;
}

function cell(port: ServicePortResult, invariant: (typeof INVARIANTS)[number], paint: ChalkInstance): string {
  const result = port.invariants[invariant];
  return result.state === 'not-applicable' ? paint.dim('–') : `${mark(result.state, paint)} ${tally(result)}`;
}

const NO_BORDERS = {
  top: '',
  'top-mid': '',
  'top-left': '',
  'top-right': '',
  bottom: '',
  'bottom-mid': '',
  'bottom-left': '',
  'bottom-right': '',
  left: '',
  'left-mid': '',
  mid: '',
  'mid-mid': '',
  right: '',
  'right-mid': '',
  middle: '',
};

function mark(state: State, paint: ChalkInstance): string {
  const text = MARKS[state];
  switch (state) {
    case 'ok':
      return paint.green(text);
    case 'failed':
      return paint.red(text);
    case 'undetermined':
      return paint.yellow(text);
    case 'not-applicable':
      return paint.dim(text);
  }
}

function findingBlock(finding: Finding, report: Report, draw: Draw): string {
  const { paint, options } = draw;
  const colour = severityColour(finding.severity, paint);
  const place = neutral(placeOf(finding));
  const head = `${colour(SEVERITY_MARKS[finding.severity])} ${colour(finding.code)}  ${paint.bold(neutral(finding.title))}`;
  const subject = subjectOf(finding, report);
  const sure = finding.confidence === 'certain' ? [] : [field('certainty', [finding.confidence], draw)];
  const lines = [
    '',
    place === '' ? head : `${head}   ${paint.cyan(place)}`,
    ...(subject === '' ? [] : [field('service', [subject], draw)]),
    ...(finding.impact === undefined ? [] : [field('impact', [finding.impact], draw)]),
    ...sure,
    ...(finding.expected.length === 0 ? [] : [field('expected', finding.expected, draw)]),
    ...foundField(finding, draw),
    ...(finding.fix.length === 0 ? [] : [field('fix', finding.fix, draw, false)]),
    field('more', [`${options.program} ${finding.explain}`], draw, false),
  ];
  return lines.join('\n');
}

function foundField(finding: Finding, draw: Draw): readonly string[] {
  const lines = [...(finding.found === undefined ? [] : [finding.found]), ...proofLines(finding)];
  return lines.length === 0 ? [] : [field('found', lines, draw)];
}

/** A labelled block; commands are never wrapped, so that they can be copied. */
function field(label: string, lines: readonly string[], { paint, options }: Draw, wrapped = true): string {
  const room = Math.max(40, options.width - LABEL_WIDTH - 2);
  const shown = lines.map(neutral).flatMap((line) => (wrapped && !isRule(line) ? wrap(line, room) : [line]));
  return shown.map((line, index) => `  ${paint.dim((index === 0 ? label : '').padEnd(LABEL_WIDTH))}${line}`).join('\n');
}

const LABEL_WIDTH = 10;

function isRule(line: string): boolean {
  return line.startsWith('-A ');
}

function severityColour(severity: Severity, paint: ChalkInstance): ChalkInstance {
  switch (severity) {
    case 'error':
      return paint.red;
    case 'warning':
      return paint.yellow;
    case 'info':
      return paint.blue;
  }
}

/** What could not be looked at, with the one thing to try: never silent. */
function unread(report: Report, draw: Draw): string {
  const blocks = unjudgedGroups(report).map((group) => {
    const lines = [
      `${draw.paint.yellow('?')} ${draw.paint.bold(neutral(group.headline))}`,
      field('reason', group.reasons, draw),
    ];
    return [...lines, ...(group.tryThis === null ? [] : [field('try', [group.tryThis], draw, false)])].join('\n');
  });
  const missing = report.coverage.missing.map(
    (part) => `${draw.paint.yellow('?')} ${neutral(part.part)} was not read: ${neutral(part.reason)}`,
  );
  const all = [...blocks, ...missing];
  return all.length === 0 ? '' : `\n${all.join('\n')}`;
}

const SHOWN_NOTES = 5;

function notes(report: Report, { options, paint }: Draw): string {
  if (report.notes.length === 0) return '';
  const shown = options.wide ? report.notes : report.notes.slice(0, SHOWN_NOTES);
  const lines = shown.map((note) => {
    const line = note.line === undefined ? '' : ` line ${note.line}`;
    return paint.dim(`  note: ${neutral(note.source)}${line}: ${neutral(note.text)} (${neutral(note.consequence)})`);
  });
  const rest = report.notes.length - shown.length;
  return ['', ...lines, ...(rest > 0 ? [paint.dim(`  … and ${count(rest, 'more note')}: -o wide`)] : [])].join('\n');
}

function footer(report: Report, draw: Draw): string {
  const line = draw.paint.dim(`  ${neutral(proxyLine(report))} · ${neutral(readLine(report))}`);
  const settings = draw.options.wide ? [...readingLines(report), ...settingLines(report)] : [];
  const more = [...settings, ...detourLines(report).map(neutral)].map((text) => draw.paint.dim(`  ${text}`));
  return ['', ...more, line].slice(isShort(report) ? 1 : 0).join('\n');
}

/** A healthy Service is three lines, without a blank one. */
function isShort(report: Report): boolean {
  return (
    report.findings.length === 0 &&
    report.coverage.nodes.every((node) => node.reason === undefined) &&
    report.notes.length === 0
  );
}

/** How each node was read. */
function readingLines(report: Report): readonly string[] {
  return report.coverage.nodes.flatMap(({ name, read, via, client = '', durationMs }) => {
    if (!read || via === undefined) return [];
    const seconds = durationMs === undefined ? '' : ` in ${(durationMs / 1000).toFixed(1)} s`;
    return [neutral(`${name} read over ${via}${client === '' ? '' : ` (${client})`}${seconds}`)];
  });
}

function settingLines(report: Report): readonly string[] {
  return report.coverage.nodes.flatMap((node) =>
    (node.settings ?? []).map((setting) =>
      neutral(`${node.name} ${setting.family} ${setting.name} = ${setting.value} (${setting.origin}: ${setting.from})`),
    ),
  );
}

function indent(text: string, by: string): string {
  return text
    .split('\n')
    .map((line) => `${by}${line.trimEnd()}`)
    .join('\n');
}
