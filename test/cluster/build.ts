/**
 * Builds Kubernetes' own programs from the public Go modules, once, into a cache outside the checkout.
 *
 * There is no release download: a `go.mod` of our own requires `k8s.io/kubernetes` and points each of its staging
 * modules at the published version with the same number (its own go.mod points at `./staging/…`, which is not there).
 */
import { createHash } from 'node:crypto';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { goProgram, requireSuccess, run } from './process.ts';
import { withFileLock } from './filelock.ts';

/** The version of the API server, the controllers and kubectl; kube-proxy's own version is a choice of each lab. */
export const CONTROL_PLANE_VERSION = '1.37.2';

/** The one that kubeadm of {@link CONTROL_PLANE_VERSION} installs. */
export const COREDNS_VERSION = '1.14.6';

/** Versions of kube-proxy that are known to build and to run against the control plane above. */
export const KUBE_PROXY_VERSIONS = ['1.37.2', '1.33.13', '1.28.15', '1.24.17', '1.22.17', '1.20.15'] as const;

export type Program =
  'kube-proxy' | 'kube-apiserver' | 'kube-controller-manager' | 'kubectl' | 'kubelet' | 'kube-scheduler';

/** What every lab needs of {@link CONTROL_PLANE_VERSION}, and what a full one needs besides. */
export const CONTROL_PLANE_PROGRAMS: readonly Program[] = ['kube-apiserver', 'kube-controller-manager', 'kubectl'];
export const FULL_PROGRAMS: readonly Program[] = ['kubelet', 'kube-scheduler'];

export type Log = (line: string) => void;

/** Where built programs live: `SVCDOCTOR_LAB_CACHE`, else the user's cache folder. */
export function cacheDir(): string {
  const chosen = process.env['SVCDOCTOR_LAB_CACHE'];
  if (chosen !== undefined && chosen !== '') return chosen;
  const base = process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache');
  return join(base, 'kubectl-svcdoctor', 'lab');
}

/** `go1.26.8-linux-amd64`: a program built by another Go, or for another machine, is another program. */
async function toolchain(): Promise<string> {
  const { stdout } = requireSuccess(await run([goProgram(), 'env', 'GOVERSION', 'GOOS', 'GOARCH']));
  return stdout.trim().split('\n').join('-');
}

/** Kubernetes' programs of one version: the folder that holds those that are wanted, building those that are missing. */
export function ensurePrograms(version: string, programs: readonly Program[], log: Log): Promise<string> {
  return ensureBuilt(`kubernetes-${version}`, programs, log, async (work, wanted) => {
    writeFileSync(join(work, 'go.mod'), await goMod(version, wanted));
    return ['-ldflags', versionStamp(version), ...wanted.map(packageOf)];
  });
}

/** CoreDNS, for full labs: the path of the program. */
export async function ensureCoreDns(log: Log): Promise<string> {
  const source = join(import.meta.dirname, 'coredns', 'main.go');
  const digest = createHash('sha256').update(readFileSync(source)).digest('hex').slice(0, 16);
  const dir = await ensureBuilt(`coredns-${COREDNS_VERSION}-${digest}`, ['coredns'], log, async (work) => {
    copyFileSync(source, join(work, 'main.go'));
    const lines = ['module svcdoctor.invalid/coredns', `require github.com/coredns/coredns v${COREDNS_VERSION}`];
    writeFileSync(join(work, 'go.mod'), `${lines.join('\n')}\n`);
    return ['-ldflags', '-s -w', '.'];
  });
  return join(dir, 'coredns');
}

/** Writes a go.mod (and sources) into the folder; returns the last arguments of `go build` for the wanted programs. */
type Prepare<P extends string> = (work: string, wanted: readonly P[]) => Promise<readonly string[]>;

/**
 * The folder of that name in the cache, with these programs in it. A program is either whole or absent there: it is
 * built under another name and renamed.
 */
async function ensureBuilt<P extends string>(
  name: string,
  programs: readonly P[],
  log: Log,
  prepare: Prepare<P>,
): Promise<string> {
  const dir = join(cacheDir(), await toolchain(), name);
  const missing = (): P[] => programs.filter((program) => !existsSync(join(dir, program)));
  if (missing().length === 0) return dir;
  mkdirSync(dir, { recursive: true });
  await withFileLock(join(dir, '.lock'), async () => {
    // Another lab may have built them while this one waited for the lock.
    const wanted = missing();
    if (wanted.length > 0) await build(dir, wanted, log, prepare);
  });
  return dir;
}

async function build<P extends string>(
  dir: string,
  programs: readonly P[],
  log: Log,
  prepare: Prepare<P>,
): Promise<void> {
  const started = Date.now();
  log(`building ${programs.join(', ')} (minutes the first time, kept in ${dir})`);
  // What a killed build left; nobody else builds here while we hold the lock.
  for (const entry of readdirSync(dir)) if (entry.startsWith('.build-')) rmSync(join(dir, entry), { recursive: true });
  const work = mkdtempSync(join(dir, '.build-'));
  try {
    const packages = await prepare(work, programs);
    for (const folder of ['out', 'tmp']) mkdirSync(join(work, folder));
    const env = { ...goEnv(), GOTMPDIR: join(work, 'tmp') };
    // A build whose lab is gone stops: it would be minutes of both processors.
    const go = ['setpriv', '--pdeathsig', 'TERM', goProgram(), 'build', '-mod=mod', '-trimpath'];
    requireSuccess(await run([...go, '-o', `${work}/out/`, ...packages], { cwd: work, env }));
    for (const program of programs) renameSync(join(work, 'out', program), join(dir, program));
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
  log(`built ${programs.join(', ')} in ${Math.round((Date.now() - started) / 1000)} s`);
}

function packageOf(program: Program): string {
  return `k8s.io/kubernetes/cmd/${program}`;
}

/** Without cgo the programs need no C compiler and no libraries of the machine. */
function goEnv(): NodeJS.ProcessEnv {
  return { ...process.env, CGO_ENABLED: '0', GOWORK: 'off', GOFLAGS: '-buildvcs=false' };
}

/** Without these kube-proxy calls itself `v0.0.0-master` and /version of the API server says 0.0. */
function versionStamp(version: string): string {
  const [major = '', minor = ''] = version.split('.');
  const stamp = { gitVersion: `v${version}`, gitMajor: major, gitMinor: minor, gitTreeState: 'clean' };
  const packages = ['k8s.io/component-base/version', 'k8s.io/client-go/pkg/version'];
  const flags = packages.flatMap((pkg) => Object.entries(stamp).map(([name, value]) => `-X ${pkg}.${name}=${value}`));
  return ['-s', '-w', ...flags].join(' ');
}

interface ModuleFile {
  Go?: string;
  Godebug?: { Key: string; Value: string }[];
  Require?: { Path: string; Version: string }[];
  Replace?: { Old: { Path: string }; New: { Path: string; Version?: string } }[];
}

/** Our go.mod: Kubernetes' own pins (old releases need them), with its staging modules at their published version. */
async function goMod(version: string, programs: readonly Program[]): Promise<string> {
  const kubernetes = await readKubernetesModule(version);
  const staging = new Map<string, string>();
  const replaced: string[] = [];
  for (const { Old: from, New: to } of kubernetes.Replace ?? []) {
    const local = to.Path.startsWith('./staging/');
    if (local) staging.set(from.Path, `v0.${version.split('.').slice(1).join('.')}`);
    else if (to.Version !== undefined) replaced.push(`replace ${from.Path} => ${to.Path} ${to.Version}`);
  }
  // Newer releases name their staging modules through a workspace: they are the requirements at v0.0.0.
  for (const { Path: path, Version: at } of kubernetes.Require ?? []) {
    if (at === 'v0.0.0') staging.set(path, `v0.${version.split('.').slice(1).join('.')}`);
  }
  const pins = [...staging].map(([path, at]) => `replace ${path} => ${path} ${at}`);
  // `tool` lines need Go 1.24's file format; the language version of each package stays the one of its own module.
  const lines = [
    'module svcdoctor.invalid/lab',
    `go ${atLeast(kubernetes.Go ?? '1.24', '1.24')}`,
    ...(kubernetes.Godebug ?? []).map(({ Key, Value }) => `godebug ${Key}=${Value}`),
    `require k8s.io/kubernetes v${version}`,
    ...pins,
    ...replaced,
    ...programs.map((program) => `tool ${packageOf(program)}`),
  ];
  return `${lines.join('\n')}\n`;
}

async function readKubernetesModule(version: string): Promise<ModuleFile> {
  const download = await run([goProgram(), 'mod', 'download', '-json', `k8s.io/kubernetes@v${version}`], {
    env: goEnv(),
  });
  const { GoMod: file } = JSON.parse(requireSuccess(download).stdout) as { GoMod: string };
  return JSON.parse(requireSuccess(await run([goProgram(), 'mod', 'edit', '-json', file])).stdout) as ModuleFile;
}

function atLeast(version: string, minimum: string): string {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const [leastMajor = 0, leastMinor = 0] = minimum.split('.').map(Number);
  return major > leastMajor || (major === leastMajor && minor >= leastMinor) ? version : minimum;
}

/** The lab's own small program (the folder labtool), rebuilt whenever its source changes. */
export async function ensureLabtool(log: Log): Promise<string> {
  const folder = join(import.meta.dirname, 'labtool');
  const sources = readdirSync(folder)
    .filter((name) => name.endsWith('.go'))
    .sort();
  const digest = createHash('sha256');
  for (const name of sources) digest.update(name).update(readFileSync(join(folder, name)));
  const dir = join(cacheDir(), await toolchain(), `labtool-${digest.digest('hex').slice(0, 16)}`);
  const program = join(dir, 'labtool');
  if (existsSync(program)) return program;
  mkdirSync(dir, { recursive: true });
  log('building labtool');
  const fresh = `${program}.${process.pid}`;
  requireSuccess(
    await run([goProgram(), 'build', '-trimpath', '-o', fresh, ...sources], { cwd: folder, env: goEnv() }),
  );
  renameSync(fresh, program);
  return program;
}
