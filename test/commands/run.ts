import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ROOT } from '../golden.ts';

export interface RunOutput {
  readonly stdout: string;
  readonly stderr: string;
  readonly status: number | null;
}

/** Runs the built program as a user would, away from the user's own cluster, colours and name. */
export function run(argv: readonly string[], environment: NodeJS.ProcessEnv = {}): RunOutput {
  const { stdout, stderr, status } = spawnSync(process.execPath, [join(ROOT, 'bin/run.js'), ...argv], {
    encoding: 'utf8',
    cwd: ROOT,
    env: { PATH: process.env['PATH'], HOME: tmpdir(), KUBECONFIG: '/nonexistent', ...environment },
    maxBuffer: 64 * 1024 * 1024,
  });
  return { stdout, stderr, status };
}

/** A copy of a shipped recording, damaged; gone when the callback returns. */
export function withRecording<T>(name: string, change: (folder: string) => void, use: (folder: string) => T): T {
  const folder = mkdtempSync(join(tmpdir(), 'svcdoctor-test-'));
  try {
    cpSync(join(ROOT, 'test/fixtures/recordings', name), folder, { recursive: true });
    change(folder);
    return use(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Deletes the lines of a file that hold all of the words. */
export function dropLines(file: string, ...words: readonly string[]): void {
  const lines = readFileSync(file, 'utf8').split('\n');
  const kept = lines.filter((line) => !words.every((word) => line.includes(word)));
  if (kept.length === lines.length) throw new Error(`no line of ${file} holds ${words.join(' and ')}`);
  writeFileSync(file, kept.join('\n'));
}
