/**
 * The lab's process outside its namespaces: `node guard.ts FOLDER`. It opens the ports on 127.0.0.1, hands them to the
 * supervisor, and removes the folder once the supervisor has ended.
 *
 * Who dies how, and what happens: the supervisor is process 1 of its own process namespace, so with it dies everything
 * in the lab. The supervisor dies with `unshare`, its parent, and `unshare` with the guard (parent-death signals). The
 * guard ends when its standard input closes, that is when the process that wanted the lab is gone, unless that one
 * wrote `stay` before. The janitor removes the folder should the guard be killed, and the guard should the janitor be.
 */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, existsSync, openSync, readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo, Server } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { labCgroup, removeCgroups } from './cgroups.ts';
import { identity, readRecord, removeLabDir, writeRecord } from './directory.ts';
import type { LabEndpoints, LabRecord } from './directory.ts';
import type { GuardMessage, Programs, SupervisorMessage } from './messages.ts';
import { NODES } from './topology.ts';

const dir = process.argv[2] ?? '';
const programs = JSON.parse(process.argv[3] ?? '{}') as Programs;
const record = readRecord(dir);
if (record === undefined) throw new Error(`${dir} is no lab folder`);
await guard(record);

async function guard(lab: LabRecord): Promise<void> {
  // The owner stops listening once the lab is up.
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined);
  const janitor = startJanitor();
  const supervisor = startSupervisor();
  writeRecord(dir, { ...lab, keepers: [identity(process.pid), identity(janitor.pid ?? 0)] });
  const ended = once(supervisor, 'exit');
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, () => endSupervisor(supervisor));
  watchOwner(supervisor);
  supervisor.on('message', (message: SupervisorMessage) => onMessage(supervisor, message));
  await handOver(supervisor, lab);
  // A lab without its folder could not be found, and so not be ended.
  setInterval(() => {
    if (!existsSync(dir)) endSupervisor(supervisor);
  }, 1000);
  await ended;
  removeCgroups(dir);
  removeLabDir(dir);
  process.exit();
}

/**
 * Waits for the end of its input, a pipe that only the guard holds, then for the end of the lab's processes: until then
 * their control groups cannot be removed. It ignores what a terminal sends to a group.
 */
function startJanitor(): ChildProcess {
  const script = `
trap "" INT TERM HUP
while read -r line; do :; done
rm -rf -- "$1"
for try in 1 2 3 4 5 6 7 8 9 10; do
  sleep 0.3
  left=
  for group in /sys/fs/cgroup/"$2" /sys/fs/cgroup/*/"$2"; do
    if [ -d "$group" ]; then find "$group" -depth -type d -exec rmdir {} + || left=yes; fi
  done
  [ "$left" ] || break
done
rm -rf -- "$1"`;
  const janitor = spawn('sh', ['-c', script, 'svcdoctor-lab-janitor', dir, labCgroup(dir)], {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
  });
  janitor.on('error', () => undefined);
  return janitor;
}

function startSupervisor(): ChildProcess {
  const log = openSync(join(dir, 'supervisor.log'), 'a', 0o600);
  const isolate = [
    '--pdeathsig',
    'KILL',
    'unshare',
    '--mount',
    '--net',
    '--pid',
    '--ipc',
    '--uts',
    '--fork',
    '--kill-child',
    '--mount-proc',
  ];
  const supervisor = spawn('setpriv', [...isolate, process.execPath, join(import.meta.dirname, 'supervisor.ts')], {
    stdio: ['ignore', log, log, 'ipc'],
  });
  closeSync(log);
  return supervisor;
}

/** Ends process 1 of the lab; the kernel ends the rest, and only then does `unshare` exit. */
function endSupervisor(supervisor: ChildProcess): void {
  const child = Number(childrenOf(supervisor.pid ?? 0)[0] ?? 0);
  if (child > 0) process.kill(child, 'SIGKILL');
  else supervisor.kill('SIGKILL');
}

function childrenOf(pid: number): string[] {
  try {
    return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean);
  } catch {
    return [];
  }
}

function watchOwner(supervisor: ChildProcess): void {
  let stay = false;
  const lines = createInterface({ input: process.stdin });
  lines.on('line', (line) => (stay ||= line === 'stay'));
  lines.on('close', () => {
    if (!stay) endSupervisor(supervisor);
  });
}

/** The ports are opened here, in the machine's own network namespace, and served there, in the lab's. */
async function handOver(supervisor: ChildProcess, lab: LabRecord): Promise<void> {
  for (const service of ['api', ...NODES.map((node) => node.name)]) await openPort(supervisor, service, 0);
  send(supervisor, { kind: 'start', dir, options: lab.options, programs });
}

async function openPort(supervisor: ChildProcess, service: string, wanted: number): Promise<void> {
  const server = createServer();
  await once(server.listen(wanted, '127.0.0.1'), 'listening');
  const { port } = server.address() as AddressInfo;
  send(supervisor, { kind: 'listener', service, port }, server);
}

function send(supervisor: ChildProcess, message: GuardMessage, server?: Server): void {
  // The copy here is closed once it has been sent, or connections would wait in it for nobody.
  supervisor.send(message, server, {}, () => server?.close());
}

/** The owner reads our standard output as long as it waits for the lab. */
function onMessage(supervisor: ChildProcess, message: SupervisorMessage): void {
  if (message.kind === 'reopen') {
    // A port that somebody else took meanwhile is one we told people about: the lab cannot go on.
    void openPort(supervisor, message.service, message.port).catch(() => endSupervisor(supervisor));
    return;
  }
  if (message.kind === 'ready') noteReady(message.endpoints);
  process.stdout.write(`${JSON.stringify(message)}\n`);
}

function noteReady(ready: LabEndpoints): void {
  const current = readRecord(dir);
  if (current !== undefined) writeRecord(dir, { ...current, ready });
}
