/**
 * The one folder a lab has outside its own namespaces: kubeconfig, ssh configuration and keys, control socket, logs.
 * It is removed when the lab ends, whatever way it ends; what a crash of everything at once left is swept later.
 */
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { removeOrphanedCgroups } from './cgroups.ts';
import type { LabOptions } from './options.ts';

/** Everything a user of the lab needs to find it: `lab.json` of its folder. */
export interface LabRecord {
  readonly name: string;
  readonly options: LabOptions;
  /** Processes that clean up after the lab: while one of them lives, the folder is theirs. */
  readonly keepers: readonly ProcessIdentity[];
  /** Missing while the lab starts. */
  readonly ready?: LabEndpoints;
}

export interface LabEndpoints {
  readonly kubeconfig: string;
  readonly sshConfig: string;
  readonly controlSocket: string;
  readonly kubectl: string;
}

/** A process id alone may have been given to another process since. */
export interface ProcessIdentity {
  readonly pid: number;
  readonly started: string;
}

/** The folder of all labs of this user. The lab hides /run from itself, so it cannot live there. */
export function labsDir(): string {
  const base = tmpdir().startsWith('/run') ? '/tmp' : tmpdir();
  const dir = join(base, `svcdoctor-lab-${process.getuid?.() ?? 0}`);
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  const found = lstatSync(dir);
  // Somebody else could have made it first, in a folder all can write to, to read the keys.
  if (!found.isDirectory() || found.uid !== process.getuid?.()) throw new Error(`${dir} is not a folder of this user`);
  chmodSync(dir, 0o700);
  return dir;
}

export function createLabDir(options: LabOptions): string {
  const dir = mkdtempSync(join(labsDir(), `${options.name}-`));
  writeRecord(dir, { name: options.name, options, keepers: [identity(process.pid)] });
  return dir;
}

/** Written whole or not at all: others read it at any time. */
export function writeRecord(dir: string, record: LabRecord): void {
  const fresh = join(dir, `.lab.json.${process.pid}`);
  writeFileSync(fresh, JSON.stringify(record, undefined, 2), { mode: 0o600 });
  renameSync(fresh, join(dir, 'lab.json'));
}

export function readRecord(dir: string): LabRecord | undefined {
  try {
    return JSON.parse(readFileSync(join(dir, 'lab.json'), 'utf8')) as LabRecord;
  } catch {
    return undefined;
  }
}

export function removeLabDir(dir: string): void {
  // Processes that are being killed may still write a last line to their logs.
  rmSync(dir, { recursive: true, force: true, maxRetries: 20, retryDelay: 50 });
}

export interface FoundLab {
  readonly dir: string;
  readonly record: LabRecord;
}

/** The labs that live. Folders whose keepers are all dead are removed on the way. */
export function findLabs(): FoundLab[] {
  const found: FoundLab[] = [];
  for (const entry of readdirSync(labsDir())) {
    const dir = join(labsDir(), entry);
    const record = readRecord(dir);
    if (record !== undefined && record.keepers.some(isAlive)) found.push({ dir, record });
    else if (record !== undefined || isOld(dir)) removeLabDir(dir);
  }
  removeOrphanedCgroups((name) => existsSync(join(labsDir(), name)));
  return found;
}

/** A folder without a record is one that is just being made, or one that is just being removed. */
function isOld(dir: string): boolean {
  const stat = statSync(dir, { throwIfNoEntry: false });
  return stat !== undefined && Date.now() - stat.mtimeMs > 60_000;
}

export function identity(pid: number): ProcessIdentity {
  return { pid, started: startTime(pid) ?? 'never' };
}

function isAlive(process: ProcessIdentity): boolean {
  return startTime(process.pid) === process.started;
}

/** Field 22 of /proc/PID/stat; a zombie has finished its work and counts as dead. */
function startTime(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return fields[0] === 'Z' ? undefined : fields[19];
  } catch {
    return undefined;
  }
}
