/** The cluster lab for tests and tools: `startLab` brings one up, `attachLab` finds one that `npm run lab -- up` left. */
import { spawn } from 'node:child_process';
import type { ChildProcess, ChildProcessWithoutNullStreams } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { labUnavailable } from './availability.ts';
import {
  CONTROL_PLANE_PROGRAMS,
  CONTROL_PLANE_VERSION,
  FULL_PROGRAMS,
  ensureCoreDns,
  ensureLabtool,
  ensurePrograms,
} from './build.ts';
import type { Log } from './build.ts';
import { callControl } from './control.ts';
import type { ConnectRequest, Connection, LabStatus, Method, Methods } from './control.ts';
import { createLabDir, findLabs } from './directory.ts';
import type { FoundLab, LabEndpoints } from './directory.ts';
import { ensureImages } from './images.ts';
import type { Programs, SupervisorMessage } from './messages.ts';
import { completeOptions } from './options.ts';
import type { LabOptions } from './options.ts';
import type { RunResult } from './process.ts';
import { NODES } from './topology.ts';
import type { NodePlan } from './topology.ts';
import { waitFor } from './wait.ts';

export { BREAKS } from './breaks.ts';
export { labUnavailable } from './availability.ts';
export type { ConnectRequest, Connection, LabStatus } from './control.ts';
export type { LabOptions } from './options.ts';
export * from './topology.ts';

export interface StartOptions extends Partial<LabOptions> {
  /** The lab outlives this process; only {@link Lab.down} or `npm run lab -- down` end it. */
  readonly stay?: boolean;
  readonly log?: Log;
}

/** Brings a cluster up. It ends with this process, however that ends, unless it was told to stay. */
export async function startLab({ stay = false, log = () => undefined, ...given }: StartOptions = {}): Promise<Lab> {
  const reason = labUnavailable();
  if (reason !== null) throw new Error(reason);
  const options = completeOptions({ name: stay ? 'default' : 'owned', ...given });
  findLabs();
  const programs = await ensureAll(options, log);
  const dir = createLabDir(options);
  const guard = spawn(process.execPath, [join(import.meta.dirname, 'guard.ts'), dir, JSON.stringify(programs)], {
    // None of ours: who reads our output to its end would wait for the end of the lab.
    stdio: ['pipe', 'pipe', 'pipe'],
    // A terminal's Ctrl-C is for us; the guard sees that we are gone.
    detached: true,
    env: plainEnvironment(),
  });
  const ready = await waitUntilReady(guard, log);
  if (stay) guard.stdin.write('stay\n');
  const lab = new Lab(dir, options, ready, stay ? undefined : guard);
  guard.stdout.destroy();
  guard.stderr.destroy();
  if (stay) guard.stdin.end();
  guard.unref();
  (guard.stdin as unknown as { unref?: () => void }).unref?.();
  return lab;
}

async function ensureAll(options: LabOptions, log: Log): Promise<Programs> {
  const labtool = await ensureLabtool(log);
  const { full } = options;
  const kubernetes = await ensurePrograms(
    CONTROL_PLANE_VERSION,
    [...CONTROL_PLANE_PROGRAMS, ...(full ? FULL_PROGRAMS : [])],
    log,
  );
  const kubeProxy = join(await ensurePrograms(options.kubeProxy, ['kube-proxy'], log), 'kube-proxy');
  if (!full) return { labtool, kubernetes, kubeProxy, images: [] };
  const coreDns = await ensureCoreDns(log);
  const images = await ensureImages(options, { labtool, kubeProxy, coreDns }, log);
  return { labtool, kubernetes, kubeProxy, coreDns, images };
}

/** What a test runner or a coverage tool put into the environment is not for the lab's processes. */
function plainEnvironment(): NodeJS.ProcessEnv {
  const path = `${process.env['PATH'] ?? ''}:/usr/local/sbin:/usr/sbin:/sbin:/usr/local/bin:/usr/bin:/bin`;
  return { PATH: path, HOME: process.env['HOME'] ?? '/root', LANG: 'C.UTF-8', TMPDIR: process.env['TMPDIR'] ?? '/tmp' };
}

async function waitUntilReady(guard: ChildProcessWithoutNullStreams, log: Log): Promise<LabEndpoints> {
  let failure = 'the lab ended while it started';
  let complaints = '';
  guard.stderr.on('data', (chunk: Buffer) => (complaints += chunk.toString()));
  for await (const line of createInterface({ input: guard.stdout })) {
    const message = JSON.parse(line) as SupervisorMessage;
    if (message.kind === 'ready') return message.endpoints;
    if (message.kind === 'log') log(message.line);
    if (message.kind === 'failed') failure = message.error;
  }
  // Nothing is left of it when the error arrives.
  if (guard.exitCode === null) await once(guard, 'exit');
  throw new Error(`${failure}\n${complaints}`.trimEnd());
}

/** A lab that was left up, by its name. */
export function attachLab(name: string): Lab {
  const found = runningLabs().find(({ record }) => record.name === name);
  if (found?.record.ready === undefined) throw new Error(`no lab named ${name} is up; npm run lab -- up`);
  return new Lab(found.dir, found.record.options, found.record.ready, undefined);
}

export function runningLabs(): FoundLab[] {
  return findLabs().filter(({ record }) => record.ready !== undefined);
}

export class Lab {
  /** Outside the lab's namespaces it has only this folder; it goes with the lab. */
  readonly dir: string;
  readonly options: LabOptions;
  readonly kubeconfig: string;
  /** For `ssh -F`: node names and node addresses lead to the nodes, with their real host keys known. */
  readonly sshConfig: string;
  readonly kubectl: string;
  readonly nodes: readonly NodePlan[] = NODES;
  private readonly controlSocket: string;
  private readonly guard: ChildProcess | undefined;

  constructor(dir: string, options: LabOptions, endpoints: LabEndpoints, guard: ChildProcess | undefined) {
    this.dir = dir;
    this.options = options;
    this.kubeconfig = endpoints.kubeconfig;
    this.sshConfig = endpoints.sshConfig;
    this.kubectl = endpoints.kubectl;
    this.controlSocket = endpoints.controlSocket;
    this.guard = guard;
  }

  private call<M extends Method>(method: M, params: Methods[M]['params']): Promise<Methods[M]['result']> {
    return callControl(this.controlSocket, method, params);
  }

  status(): Promise<LabStatus> {
    return this.call('status', {});
  }

  /** Returns when the damage is done, with the commands that did it. */
  break(name: string, { node }: { readonly node?: string } = {}): Promise<Methods['break']['result']> {
    return this.call('break', node === undefined ? { name } : { name, node });
  }

  /** Returns when every node has its healthy rules again. */
  heal(): Promise<Methods['heal']['result']> {
    return this.call('heal', {});
  }

  /** New connections, all at once; what became of each. */
  connect(request: ConnectRequest): Promise<readonly Connection[]> {
    return this.call('connect', request);
  }

  /** Without a node: in the control plane's namespace. */
  exec(node: string | undefined, argv: readonly string[], input?: string): Promise<RunResult> {
    return this.call('exec', {
      argv,
      ...(node === undefined ? {} : { node }),
      ...(input === undefined ? {} : { input }),
    });
  }

  /** Writes a snapshot folder. */
  async record(folder: string): Promise<void> {
    for (const [name, text] of Object.entries(await this.call('record', {}))) {
      const file = join(folder, name);
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(file, text, { mode: 0o600 });
    }
  }

  /** Returns when nothing is left of the lab. */
  async down(): Promise<void> {
    if (!existsSync(this.dir)) return;
    const { guard } = this;
    guard?.ref();
    const gone = guard === undefined || guard.exitCode !== null ? Promise.resolve() : once(guard, 'exit');
    await this.call('down', {}).catch(() => undefined);
    guard?.stdin?.end();
    await gone;
    await waitFor('the lab to end', async () => !existsSync(this.dir));
  }
}

/** How many connections each pod answered, and how many failed in which way. */
export function tally(connections: readonly Connection[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const connection of connections) {
    const key = connection.kind === 'answered' ? (connection.by ?? 'somebody else') : connection.kind;
    counts[key] = (counts[key] ?? 0) + 1;
  }
  return counts;
}
