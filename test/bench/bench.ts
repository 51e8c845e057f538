/** What docs/performance.md speaks of, measured: `npm run bench`. Ratios within one run count; seconds are for information. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { timeOfSave } from './kernel.ts';
import { writeLargeCluster, type Size } from './large-cluster.ts';

const HERE = fileURLToPath(new URL('.', import.meta.url));
const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const RECORDING = join(ROOT, 'test/fixtures/recordings/hostnames-1.37-iptables-nft');

interface Judging {
  readonly readMs: number;
  readonly judgeMs: number;
  readonly peakBytes: number;
  readonly outcome: string;
  readonly ports: number;
  readonly findings: number;
}

const folder = mkdtempSync(join(tmpdir(), 'svcdoctor-bench-'));
try {
  large({ services: 10_000, endpoints: 10, nodes: ['rain-kubernetes-1'], comments: true }, true);
  large({ services: 10_000, endpoints: 10, nodes: ['rain-kubernetes-1'], comments: false }, true);
  growth();
  startUp();
} finally {
  rmSync(folder, { recursive: true, force: true });
}

/** The 430,000-line case: against the kernel's own tool printing the same rules, and against the size of the text. */
function large(size: Size, againstKernel: boolean): void {
  const place = join(folder, `large-${size.comments}`);
  const text = writeLargeCluster(place, size);
  const lines = text.split('\n').length;
  say(
    `\n${size.services} Services × ${size.endpoints} endpoints, ${size.comments ? 'with' : 'without'} comments: ${lines} lines, ${megabytes(text.length)} MB`,
  );
  const runs = [1, 2, 3].map(() => judge(place));
  const best = runs.reduce((a, b) => (total(a) < total(b) ? a : b));
  const peak = median(runs.map((run) => run.peakBytes));
  say(
    `  read, parse and judge everything: ${seconds(total(best))} s (best of 3), ${best.ports} Service ports, ${best.outcome}, ${best.findings} findings`,
  );
  say(
    `  peak memory: ${megabytes(peak)} MB = ${(peak / text.length).toFixed(1)} × the text   (goal < 8 ×: ${yes(peak / text.length < 8)})`,
  );
  if (!againstKernel) return;
  for (const backend of ['nft', 'legacy'] as const) say(`  ${against(total(best), text, backend)}`);
  rmSync(place, { recursive: true, force: true });
}

function against(ms: number, text: string, backend: 'nft' | 'legacy'): string {
  const save = timeOfSave(text, backend);
  if (save.status === 'not measured') return `against iptables-${backend}-save: not measured: ${save.because}`;
  const ratio = ms / save.ms;
  const took = `${save.program} printing the same rules: ${seconds(save.ms)} s${save.atLeast ? ', and it did not finish' : ''}`;
  const goal = backend === 'nft' ? `   (goal < 0.25: ${yes(ratio < 0.25)})` : '';
  return `against ${took} → ${save.atLeast ? 'less than ' : ''}${ratio.toFixed(2)} of its time${goal}`;
}

/** Ten times the Services cost about ten times as much; fifty nodes with equal rules much less than fifty times. */
function growth(): void {
  const one = ['rain-kubernetes-1'];
  const sizes: readonly (readonly [string, Size])[] = [
    ['1,000 Services, 1 node', { services: 1000, endpoints: 10, nodes: one, comments: true }],
    ['10,000 Services, 1 node', { services: 10_000, endpoints: 10, nodes: one, comments: true }],
    [
      '10,000 Services, 50 nodes with the same rules',
      { services: 10_000, endpoints: 10, nodes: fiftyNodes(), comments: true },
    ],
  ];
  say('\ngrowth');
  let before: number | null = null;
  for (const [name, size] of sizes) {
    const place = join(folder, 'growth');
    writeLargeCluster(place, size);
    const best = Math.min(...[1, 2].map(() => judge(place, size.nodes.length).judgeMs));
    say(
      `  ${name}: ${seconds(best)} s judging${before === null ? '' : ` = ${(best / before).toFixed(1)} × the line above`}`,
    );
    before = best;
    rmSync(place, { recursive: true, force: true });
  }
  fewBroken();
}

/** Three broken Services among ten thousand: what the terminal shows must not drown them. */
function fewBroken(): void {
  const place = join(folder, 'broken');
  const size = { services: 10_000, endpoints: 10, nodes: ['rain-kubernetes-1'], comments: true };
  const lines = writeLargeCluster(place, size).split('\n');
  const dnats = lines.flatMap((line, index) => (line.includes('-j DNAT') ? [index] : []));
  const gone = new Set([0, 50_000, 99_999].map((number) => dnats[number]));
  const save = join(place, 'nodes/rain-kubernetes-1/iptables-nft-save');
  writeFileSync(save, lines.filter((_, index) => !gone.has(index)).join('\n'));
  const run = spawnSync(process.execPath, [join(ROOT, 'bin/run.js'), 'check', '-A', '--from', place], {
    encoding: 'utf8',
  });
  const [headline = ''] = run.stdout.split('\n');
  say(`\nthree of 10,000 Services broken: ${run.stdout.split('\n').length} lines, the first: ${headline}`);
  rmSync(place, { recursive: true, force: true });
}

function fiftyNodes(): readonly string[] {
  return Array.from({ length: 50 }, (_, index) => `rain-kubernetes-${index + 1}`);
}

/** Whole commands against a bare `node -e 0`. */
function startUp(): void {
  const bare = commandMs(['-e', '0']);
  say(`\nstart-up, as ratios to a bare node (${Math.round(bare)} ms)`);
  const run = join(ROOT, 'bin/run.js');
  const commands: readonly (readonly [string, readonly string[], number])[] = [
    ['--version', [run, '--version'], 1.5],
    ['--help', [run, '--help'], 3.5],
    ['check of one Service from a small snapshot', [run, 'check', 'hostnames', '--from', RECORDING], 5],
  ];
  for (const [name, argv, goal] of commands) {
    const ratio = commandMs(argv) / bare;
    say(`  ${name}: ${ratio.toFixed(1)} ×   (goal ≤ ${goal}: ${yes(ratio <= goal)})`);
  }
}

function commandMs(argv: readonly string[]): number {
  const times = Array.from({ length: 15 }, () => {
    const started = performance.now();
    spawnSync(process.execPath, argv, { stdio: 'ignore' });
    return performance.now() - started;
  });
  return median(times.slice(2));
}

function judge(place: string, nodes = 1): Judging {
  const { stdout, stderr, status } = spawnSync(process.execPath, [join(HERE, 'judge.ts'), place, String(nodes)], {
    encoding: 'utf8',
    maxBuffer: 1e9,
  });
  if (status !== 0) throw new Error(`judging failed: ${stderr}`);
  return JSON.parse(stdout) as Judging;
}

function total(run: Judging): number {
  return run.readMs + run.judgeMs;
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}

function seconds(ms: number): string {
  return (ms / 1000).toFixed(2);
}

function megabytes(bytes: number): string {
  return (bytes / 1e6).toFixed(0);
}

function yes(holds: boolean): string {
  return holds ? 'met' : 'NOT met';
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}
