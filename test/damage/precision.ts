/** `npm run precision`: every operator at every rule, and the table of docs/precision.md. One process for each world. */
import { spawn } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import pLimit from 'p-limit';
import { allTrials } from './campaign.ts';
import { OPERATORS } from './operators.ts';
import { WORLDS, patientOf } from './patients.ts';
import type { FamilyName } from './patients.ts';
import type { Outcome, Trial } from './trial.ts';

const PAGE = join(import.meta.dirname, '../../docs/precision.md');
const [world, family] = process.argv.slice(2);

if (world === undefined) await everything();
else await one(world, family as FamilyName);

async function one(name: string, ofFamily: FamilyName): Promise<void> {
  for (const trial of allTrials(await patientOf(name, ofFamily))) process.stdout.write(`${JSON.stringify(trial)}\n`);
}

async function everything(): Promise<void> {
  const limit = pLimit(availableParallelism());
  const runs = WORLDS.flatMap((name) => (['IPv4', 'IPv6'] as const).map((ofFamily) => ({ name, ofFamily })));
  const trials = await Promise.all(runs.map((run) => limit(() => inProcess(run.name, run.ofFamily))));
  const byWorld = new Map(
    WORLDS.map((name) => [name, runs.flatMap((run, at) => (run.name === name ? (trials[at] ?? []) : []))]),
  );
  const page = readFileSync(PAGE, 'utf8');
  writeFileSync(
    PAGE,
    page.replace(/(?<=<!-- table -->\n)[^]*?(?=<!-- \/table -->)/, () => `\n${table(byWorld)}\n`),
  );
  process.exitCode = [...byWorld.values()].flat().some(isWrong) ? 1 : 0;
}

function inProcess(name: string, ofFamily: string): Promise<Trial[]> {
  const child = spawn(process.execPath, [import.meta.filename, name, ofFamily], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const trials: Trial[] = [];
  createInterface({ input: child.stdout }).on('line', (line) => {
    const trial = JSON.parse(line) as Trial;
    trials.push(trial);
    if (isWrong(trial))
      console.log(`${name} ${ofFamily}: ${trial.outcome}: ${trial.operator}\n  ${trial.rule}\n  ${trial.because}`);
  });
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code) => {
      console.log(`${name} ${ofFamily}: ${trials.length} trials`);
      if (code === 0) resolve(trials);
      else reject(new Error(`${name} ${ofFamily} ended with ${code}`));
    });
  });
}

function isWrong({ outcome }: Trial): boolean {
  return outcome === 'missed' || outcome === 'stray';
}

/** `found / known / missed / stray`, zeros left out. */
function table(byWorld: ReadonlyMap<string, readonly Trial[]>): string {
  const rows = OPERATORS.map(({ name }) => {
    const cells = [...byWorld.values()].map((trials) => cell(trials.filter(({ operator }) => operator === name)));
    return `| ${[name, ...cells].join(' | ')} |`;
  });
  const sums = [...byWorld.values()].map(cell);
  return [
    `| | ${[...byWorld.keys()].join(' | ')} |`,
    `|---|${[...byWorld.keys()].map(() => '---').join('|')}|`,
    ...rows,
    `| **all** | ${sums.join(' | ')} |`,
  ].join('\n');
}

function cell(trials: readonly Trial[]): string {
  const count = (...wanted: readonly Outcome[]): number =>
    trials.filter(({ outcome }) => wanted.includes(outcome)).length;
  const parts = [
    `${count('right', 'noted')}`,
    ...(count('known') > 0 ? [`${count('known')} known`] : []),
    ...(count('missed') > 0 ? [`**${count('missed')} missed**`] : []),
    ...(count('stray') > 0 ? [`**${count('stray')} stray**`] : []),
  ];
  return parts.join(', ');
}
