/** What a lab must not leave behind, and must leave alone: used by the tests that end labs in every way. */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, readdirSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { expect, onTestFinished } from 'vitest';
import { labCgroup } from './cgroups.ts';
import type { LabOptions } from './options.ts';
import { run } from './process.ts';
import { waitFor } from './wait.ts';

/** The machine's own links, routes, rules and names of namespaces. */
export async function machineNetwork(): Promise<string> {
  const commands = [
    ['ip', '-o', 'link'],
    ['ip', 'route'],
    ['ip', 'netns'],
    ['iptables-nft-save'],
    ['iptables-legacy-save'],
  ];
  const results = await Promise.all(commands.map((argv) => run(argv)));
  // The tests of the packet walk make namespaces of their own, perhaps just now.
  return results.map(({ stdout }) => stdout.replaceAll(/^#.*$|^.*svcd-.*$\n?|\[\d+:\d+\]/gm, '')).join('\n');
}

/** Where programs of a full lab would keep things, were these not hidden from them; and settings they would change. */
const PLACES = [
  '/var/lib/kubelet',
  '/var/lib/containerd',
  '/var/lib/cni',
  '/var/log/pods',
  '/var/log/containers',
  '/run/containerd',
  '/opt/containerd',
  '/opt/cni',
  '/etc/cni',
  '/usr/libexec/kubernetes',
  '/lib/modules',
];
const SETTINGS = ['vm/overcommit_memory', 'vm/panic_on_oom', 'kernel/panic', 'kernel/panic_on_oops'];

/** Mounts that only a lab makes; other tests that run at the same time make theirs. */
const OF_A_LAB = /kubelet|containerd|\/run\/lab|svcdoctor-lab|cni|rain-kubernetes/;

/** The machine's network, mounts of labs, places and settings. */
export async function machineState(): Promise<string> {
  const places = PLACES.map((place) => `${place}: ${existsSync(place)}`);
  const settings = SETTINGS.map((name) => `${name}: ${readFileSync(`/proc/sys/${name}`, 'utf8').trim()}`);
  const mounts = readFileSync('/proc/self/mounts', 'utf8')
    .split('\n')
    .filter((line) => OF_A_LAB.test(line));
  return [await machineNetwork(), ...mounts, ...places, ...settings].join('\n');
}

/** Starts a lab in a process of its own, kills one of those that keep it, and looks for what is left. */
export async function expectNothingLeft(
  victim: 'owner' | 'guard' | 'janitor and then owner' | 'supervisor',
  options: Partial<LabOptions> = {},
): Promise<void> {
  const machine = await machineState();
  const { owner, dir } = await startOwner(options);
  onTestFinished(() => kill(owner.pid));
  const inside = processesInside(dir);
  expect(inside.length).toBeGreaterThan(10);
  if (victim.startsWith('janitor')) kill(processWith('svcdoctor-lab-janitor', dir));
  if (victim.endsWith('owner')) kill(owner.pid);
  if (victim === 'guard') kill(processWith('guard.ts', dir));
  if (victim === 'supervisor') kill(inside[0]);
  await waitFor(
    'the lab to end',
    async () => !existsSync(dir) && inside.every((pid) => !existsSync(`/proc/${pid}`)),
    10_000,
  );
  await waitFor('its keepers to end', async () => processWith(dir, dir) === undefined, 10_000);
  expect(await cgroupsOf(dir)).toBe('');
  expect(await machineState()).toBe(machine);
}

/** The paths of all control groups of the lab in this folder, one a line. */
export async function cgroupsOf(dir: string): Promise<string> {
  return (await run(['find', '/sys/fs/cgroup', '-name', labCgroup(dir)])).stdout;
}

/** Another process that has a lab. */
async function startOwner(options: Partial<LabOptions>): Promise<{ owner: ChildProcess; dir: string }> {
  const script = `
    import { startLab } from ${JSON.stringify(join(import.meta.dirname, 'lab.ts'))};
    const lab = await startLab(${JSON.stringify({ name: 'killed', ...options })});
    console.log(lab.dir);
    setInterval(() => {}, 1000);`;
  const owner = spawn(process.execPath, ['--input-type=module-typescript', '--eval', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [dir] = (await once(createInterface({ input: owner.stdout }), 'line')) as [string];
  return { owner, dir };
}

function processes(): { pid: number; command: string }[] {
  const pids = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number);
  return pids.map((pid) => ({ pid, command: readQuietly(() => readFileSync(`/proc/${pid}/cmdline`, 'utf8')) }));
}

/** The pid of a process of this lab that has the word among its arguments. */
function processWith(word: string, dir: string): number | undefined {
  return processes().find(({ command }) => command.includes(word) && command.includes(dir))?.pid;
}

/** All processes in the lab's own process namespace, the supervisor first: it is the guard's grandchild. */
function processesInside(dir: string): number[] {
  const guard = processWith('guard.ts', dir) ?? 0;
  const children = (pid: number): number[] =>
    readQuietly(() => readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8'))
      .split(' ')
      .filter(Boolean)
      .map(Number);
  const known = processes();
  const isSupervisor = (pid: number): boolean =>
    known.some((one) => one.pid === pid && one.command.includes('supervisor.ts'));
  const supervisor = children(guard).flatMap(children).find(isSupervisor) ?? 0;
  const namespaceOf = (pid: number): string => readQuietly(() => readlinkSync(`/proc/${pid}/ns/pid`));
  const namespace = namespaceOf(supervisor);
  const others = known.filter(({ pid }) => pid !== supervisor && namespaceOf(pid) === namespace);
  return [supervisor, ...others.map(({ pid }) => pid)];
}

/** Processes come and go while they are looked at. */
function readQuietly(read: () => string): string {
  try {
    return read();
  } catch {
    return '';
  }
}

function kill(pid: number | undefined): void {
  if (pid === undefined || pid <= 1) throw new Error('no such process');
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // Ended already.
  }
}
