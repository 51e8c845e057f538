/** The built program, run against a lab as a person runs it. */
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { Report } from '../../src/model/report.ts';
import type { Lab } from './lab.ts';

const RUN = fileURLToPath(new URL('../../bin/run.js', import.meta.url));

export interface Outcome {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

const NOWHERE = fileURLToPath(new URL('nowhere.ssh_config', import.meta.url));

/** The same choice of ways; but where SSH is tried, it finds nobody, and leaves this machine alone. */
function withoutSsh(argv: readonly string[]): readonly string[] {
  const reads = argv[0] === 'check' || (argv[0] === 'collect' && !argv.includes('--cleanup'));
  if (!reads || argv.includes('--ssh-config')) return argv;
  return [...argv, '--ssh-config', NOWHERE, ...(argv.includes('--via') ? [] : ['--via', 'auto'])];
}

/** What one command line does with a lab. It has no terminal. */
export class Svcdoctor {
  readonly #lab: Lab;

  constructor(lab: Lab) {
    this.#lab = lab;
  }

  async run(...argv: readonly string[]): Promise<Outcome> {
    const { child, output } = this.start(...argv);
    const [status] = (await once(child, 'close')) as [number | null];
    return { status, ...output };
  }

  async check(...argv: readonly string[]): Promise<Outcome & { readonly report: Report }> {
    const outcome = await this.run('check', 'hostnames', '-o', 'json', ...argv);
    if (outcome.stdout === '') throw new Error(`no report: ${outcome.stderr}`);
    return { ...outcome, report: JSON.parse(outcome.stdout) as Report };
  }

  start(...argv: readonly string[]): {
    readonly child: ChildProcess;
    readonly output: { stdout: string; stderr: string };
  } {
    const line = [RUN, ...withoutSsh(argv), '--kubeconfig', this.#lab.kubeconfig];
    const child = spawn(process.execPath, line, { stdio: ['ignore', 'pipe', 'pipe'] });
    const output = { stdout: '', stderr: '' };
    child.stdout?.on('data', (chunk: Buffer) => (output.stdout += chunk.toString()));
    child.stderr?.on('data', (chunk: Buffer) => (output.stderr += chunk.toString()));
    return { child, output };
  }

  /** The command line for a shell; no argument needs quoting. */
  line(...argv: readonly string[]): string {
    return [process.execPath, RUN, ...withoutSsh(argv), '--kubeconfig', this.#lab.kubeconfig].join(' ');
  }

  kubectl(args: readonly string[], input = ''): string {
    const line = ['--kubeconfig', this.#lab.kubeconfig, ...args];
    const { status, stdout, stderr } = spawnSync(this.#lab.kubectl, line, { encoding: 'utf8', input });
    if (status !== 0) throw new Error(stderr);
    return stdout;
  }

  /** Names of the pods the program has made and not removed, of all namespaces. */
  ownPods(): readonly string[] {
    const selector = 'app.kubernetes.io/managed-by=kubectl-svcdoctor';
    const names = this.kubectl([
      'get',
      'pods',
      '-A',
      '-l',
      selector,
      '-o',
      'jsonpath={range .items[*]}{.metadata.name} {end}',
    ]);
    return names.split(' ').filter((name) => name !== '');
  }

  async untilOwnPods(count: number): Promise<void> {
    for (let attempt = 0; this.ownPods().length !== count; attempt++) {
      if (attempt > 200) throw new Error(`there are ${this.ownPods().length} pods, not ${count}`);
      await sleep(100);
    }
  }
}
