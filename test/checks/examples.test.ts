/** Each check's page shows an example that really fires: `src/checks/examples.ts` is made of what these reports print. */
import { describe, expect, it } from 'vitest';
import { CHECKS } from '../../src/checks/index.ts';
import type { Report } from '../../src/model/report.ts';
import { renderFinding } from '../../src/render/terminal.ts';
import { expectGolden } from '../golden.ts';
import { damage } from '../build.ts';
import * as conditions from './condition-rows.ts';
import * as rules from './damage-rows.ts';
import { DNS_ROWS } from './dns-rows.ts';
import * as objects from './object-rows.ts';

const WIDTH = 110;

/** Reports in which a check fires, the plainest first. */
function reportsOf(code: string): readonly Report[] {
  const special: Readonly<Record<string, () => Report>> = {
    SVC211: () => objects.forgottenPod('2026-11-23T09:00:00Z'),
    SVC215: () => objects.unmirrored(),
    SVC326: () => rules.judge(rules.withStaleEndpoint()),
    SVC403: () => rules.judge(rules.withBothBackEnds()),
  };
  const own = special[code];
  if (own !== undefined) return [own()];
  const known = [...objects.ROWS, ...DNS_ROWS];
  const object = known.find((row) => row.codes[0] === code) ?? known.find((row) => row.codes.includes(code));
  if (object !== undefined) return [objects.judge(object.spec)];
  const condition = conditions.ROWS.find((row) => row.codes[0] === code);
  if (condition !== undefined) return [conditions.judge(condition.evidence())];
  const row = rules.ROWS.find((one) => one.codes[0] === code) ?? rules.ROWS.find((one) => one.codes.includes(code));
  return row === undefined ? [] : [rules.judge(damage(row.cluster(), rules.NODE, row.change, row.file))];
}

function exampleOf(code: string): string | null {
  for (const report of reportsOf(code)) {
    const finding = report.findings.find((candidate) => candidate.code === code);
    if (finding === undefined) continue;
    const options = { color: false, width: WIDTH, wide: false, program: 'kubectl svcdoctor' };
    return renderFinding(finding, report, options).trim();
  }
  return null;
}

describe('examples', () => {
  it('there is one for each check', () => {
    const examples = CHECKS.map(({ id }) => [id, exampleOf(id)] as const);
    expect(examples.filter(([, text]) => text === null).map(([id]) => id)).toEqual([]);
    const entries = examples.map(([id, text]) => `  ${id}: ${JSON.stringify(text)},`);
    const header =
      '/** Made by `npm run update` from reports in which the check fires: what the terminal shows of it. */\n' +
      'export const EXAMPLES: Readonly<Record<string, string>> = {\n';
    expectGolden('src/checks/examples.ts', `${header}${entries.join('\n')}\n};\n`);
  });
});
