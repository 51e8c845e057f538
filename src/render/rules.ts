import { Chalk } from 'chalk';
import type { RuleLine, RuleSheet } from '../model/rule-sheet.ts';
import { count } from './lines.ts';
import { neutral } from './neutral.ts';

export type RuleView = 'expected' | 'actual' | 'diff';

export interface RuleDrawOptions {
  readonly color: boolean;
  readonly width: number;
}

const SHOWN: Readonly<Record<RuleView, readonly RuleLine['kind'][]>> = {
  expected: ['same', 'missing'],
  actual: ['same', 'surplus'],
  diff: ['same', 'missing', 'surplus'],
};

/** Rules in iptables-save form; the difference as a unified diff has it, with a blank before what is the same. */
export function renderRules(sheets: readonly RuleSheet[], view: RuleView, options: RuleDrawOptions): string {
  const paint = new Chalk({ level: options.color ? 1 : 0 });
  const blocks = sheets.map((sheet) => {
    if (sheet.status === 'unjudged')
      return paint.yellow(`# ${neutral(sheet.node)}: not judged: ${neutral(sheet.because)}`);
    const tables = Map.groupBy(
      sheet.lines.filter((line) => SHOWN[view].includes(line.kind)),
      (line) => line.table,
    );
    const bodies = [...tables].map(([table, lines]) =>
      [`*${table}`, ...lines.map((line) => drawLine(line, view, paint)), 'COMMIT'].join('\n'),
    );
    const differences = sheet.lines.filter((line) => line.kind !== 'same').length;
    const head = `# ${neutral(sheet.node)} ${sheet.family}, ${view}${differences === 0 ? ': no difference' : `: ${count(differences, 'difference')}`}`;
    return [paint.bold(head), ...bodies].join('\n');
  });
  return `${blocks.join('\n\n')}\n`;
}

function drawLine(line: RuleLine, view: RuleView, paint: InstanceType<typeof Chalk>): string {
  const text = neutral(line.text);
  if (view !== 'diff') return text;
  switch (line.kind) {
    case 'same':
      return ` ${text}`;
    case 'missing':
      return paint.red(`-${text}`);
    case 'surplus':
      return paint.green(`+${text}`) + paint.dim(line.line === null ? '' : `   # line ${line.line}`);
  }
}
