/**
 * The images of the full lab's pods. There is no registry: each is put together from programs of this machine and ones
 * that were built, with the libraries they need, and imported into each node's containerd. They are kept in the cache, by what is in
 * them.
 */
import { createHash } from 'node:crypto';
import { createWriteStream, existsSync, mkdirSync, readFileSync, readdirSync, renameSync } from 'node:fs';
import { basename, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { pack } from 'tar-stream';
import type { Log } from './build.ts';
import { COREDNS_VERSION, cacheDir } from './build.ts';
import type { Backend, LabOptions } from './options.ts';
import { findProgram, requireSuccess, run } from './process.ts';

/** What is at each path of an image: a copy of a file of this machine, or a link. */
type Entry = { readonly copyOf: string } | { readonly linkTo: string };

interface Image {
  readonly name: string;
  /** What runs unless a pod says otherwise; none for an image of programs that pods name. */
  readonly run: { readonly Entrypoint?: readonly string[]; readonly Cmd?: readonly string[] };
  readonly files: ReadonlyMap<string, Entry>;
}

/** The sandbox of every pod; and the pods that serve or are only clients: both are labtool alone. */
export const PAUSE_IMAGE = 'registry.k8s.io/pause:3.10';
export const DNS_IMAGE = `registry.k8s.io/coredns/coredns:v${COREDNS_VERSION}`;
export const POD_IMAGE = 'svcdoctor.invalid/pod:lab';
/** Holds a shell and every tool that reads rules, as a person's debug image does. */
export const DEBUG_IMAGE = 'svcdoctor.invalid/debug:lab';

export function kubeProxyImage({ kubeProxy }: LabOptions): string {
  return `registry.k8s.io/kube-proxy:v${kubeProxy}`;
}

export interface ImagePrograms {
  readonly labtool: string;
  readonly kubeProxy: string;
  readonly coreDns: string;
}

/** The archives to import, building those that are not in the cache. */
export async function ensureImages(options: LabOptions, programs: ImagePrograms, log: Log): Promise<string[]> {
  const labtool = new Map([['/labtool', { copyOf: programs.labtool }]]);
  const images: Image[] = [
    { name: PAUSE_IMAGE, run: { Entrypoint: ['/labtool', 'pause'] }, files: labtool },
    { name: POD_IMAGE, run: { Entrypoint: ['/labtool'] }, files: labtool },
    await kubeProxyFiles(options, programs.kubeProxy),
    await debugFiles(options.backend),
    {
      name: DNS_IMAGE,
      run: { Entrypoint: ['/coredns'] },
      files: new Map([['/coredns', { copyOf: programs.coreDns }]]),
    },
  ];
  return Promise.all(images.map((image) => ensureArchive(image, log)));
}

/** As the official image: no shell, no cat; the rules' tools of both back ends, conntrack, kmod. */
async function kubeProxyFiles(options: LabOptions, kubeProxy: string): Promise<Image> {
  const files = new Map<string, Entry>([['/usr/local/bin/kube-proxy', { copyOf: kubeProxy }]]);
  addIptables(files, options.backend);
  for (const program of ['nft', 'conntrack']) addProgram(files, program, '/usr/sbin');
  addProgram(files, 'kmod', '/bin');
  for (const name of ['modprobe', 'lsmod', 'insmod', 'rmmod']) files.set(`/sbin/${name}`, { linkTo: '/bin/kmod' });
  await addLibraries(files);
  return { name: kubeProxyImage(options), run: {}, files };
}

async function debugFiles(backend: Backend): Promise<Image> {
  const files = new Map<string, Entry>();
  addProgram(files, 'busybox', '/bin');
  const applets = requireSuccess(await run([installed('busybox'), '--list']))
    .stdout.trim()
    .split('\n');
  for (const applet of applets) if (applet !== 'busybox') files.set(`/bin/${applet}`, { linkTo: '/bin/busybox' });
  addIptables(files, backend);
  for (const program of ['nft', 'conntrack', 'ipset']) addProgram(files, program, '/usr/sbin');
  await addLibraries(files);
  return { name: DEBUG_IMAGE, run: { Cmd: ['/bin/sh'] }, files };
}

/** Both back ends under their own names; without a name of one, the one that kube-proxy uses. */
function addIptables(files: Map<string, Entry>, backend: Backend): void {
  for (const each of ['nft', 'legacy'] as const) {
    const program = `xtables-${each}-multi`;
    addProgram(files, program, '/usr/sbin');
    for (const family of ['iptables', 'ip6tables']) {
      for (const suffix of ['', '-save', '-restore']) {
        files.set(`/usr/sbin/${family}-${each}${suffix}`, { linkTo: program });
        if (each === backend) files.set(`/usr/sbin/${family}${suffix}`, { linkTo: program });
      }
    }
  }
  // Matches and targets are modules, at the path that the programs were built with.
  const folder = extensionsFolder();
  for (const name of readdirSync(folder)) files.set(`${folder}/${name}`, { copyOf: `${folder}/${name}` });
}

function extensionsFolder(): string {
  for (const base of ['/usr/lib', '/usr/lib64', ...readdirSync('/usr/lib').map((name) => `/usr/lib/${name}`)]) {
    if (existsSync(`${base}/xtables/libxt_comment.so`)) return `${base}/xtables`;
  }
  throw new Error('no folder of iptables extensions (libxt_comment.so) below /usr/lib');
}

function addProgram(files: Map<string, Entry>, program: string, folder: string): void {
  files.set(`${folder}/${program}`, { copyOf: installed(program) });
}

function installed(program: string): string {
  const path = findProgram(program);
  if (path === undefined) throw new Error(`no ${program} on this machine`);
  return path;
}

/** The libraries of all programs so far, at the paths at which the loader looks for them. */
async function addLibraries(files: Map<string, Entry>): Promise<void> {
  const programs = new Set([...files.values()].flatMap((entry) => ('copyOf' in entry ? [entry.copyOf] : [])));
  // A program without libraries is an error to ldd, and none to us.
  const { stdout } = await run(['ldd', ...programs]);
  for (const [, path = ''] of stdout.matchAll(/(?:=> |^\s+)(\/\S+) \(0x/gm)) files.set(path, { copyOf: path });
}

/** One archive as `docker save` writes them, under the digest of everything that is in it. */
async function ensureArchive(image: Image, log: Log): Promise<string> {
  const contents = new Map<string, Buffer>();
  const digest = createHash('sha256').update(JSON.stringify([image.name, image.run]));
  for (const [path, entry] of [...image.files].sort(([a], [b]) => (a < b ? -1 : 1))) {
    digest.update(JSON.stringify([path, entry]));
    if (!('copyOf' in entry)) continue;
    const bytes = readFileSync(entry.copyOf);
    contents.set(path, bytes);
    digest.update(createHash('sha256').update(bytes).digest());
  }
  const folder = join(cacheDir(), 'images');
  const short = basename(image.name).replaceAll(':', '-');
  const archive = join(folder, `${short}-${digest.digest('hex').slice(0, 16)}.tar`);
  if (existsSync(archive)) return archive;
  log(`putting together the image ${image.name}`);
  mkdirSync(folder, { recursive: true });
  const fresh = `${archive}.${process.pid}`;
  await writeArchive(image, contents, fresh);
  renameSync(fresh, archive);
  return archive;
}

async function writeArchive(image: Image, contents: ReadonlyMap<string, Buffer>, file: string): Promise<void> {
  const layer = await layerOf(image.files, contents);
  const sha256 = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');
  const config = Buffer.from(
    JSON.stringify({
      architecture: process.arch === 'x64' ? 'amd64' : process.arch,
      os: 'linux',
      config: {
        ...image.run,
        Env: ['PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'],
      },
      rootfs: { type: 'layers', diff_ids: [`sha256:${sha256(layer)}`] },
    }),
  );
  const configName = `${sha256(config)}.json`;
  const manifest = [{ Config: configName, RepoTags: [image.name], Layers: ['layer.tar'] }];
  const archive = pack();
  archive.entry({ name: configName, mtime: new Date(0) }, config);
  archive.entry({ name: 'layer.tar', mtime: new Date(0) }, layer);
  archive.entry({ name: 'manifest.json', mtime: new Date(0) }, JSON.stringify(manifest));
  archive.finalize();
  await pipeline(archive, createWriteStream(file, { mode: 0o600 }));
}

async function layerOf(files: ReadonlyMap<string, Entry>, contents: ReadonlyMap<string, Buffer>): Promise<Buffer> {
  const layer = pack();
  const mtime = new Date(0);
  for (const folder of foldersOf(files)) layer.entry({ name: folder, type: 'directory', mode: 0o755, mtime });
  for (const [path, entry] of files) {
    const name = path.slice(1);
    if ('linkTo' in entry) layer.entry({ name, type: 'symlink', linkname: entry.linkTo, mtime });
    else layer.entry({ name, mode: 0o755, mtime }, contents.get(path) ?? Buffer.alloc(0));
  }
  layer.finalize();
  const chunks: Buffer[] = [];
  for await (const chunk of layer) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

/** Every folder above a file, those above first; and the ones that programs expect. */
function foldersOf(files: ReadonlyMap<string, Entry>): string[] {
  const folders = new Set(['tmp', 'run', 'etc', 'var']);
  for (const path of files.keys()) {
    const parts = path.slice(1).split('/').slice(0, -1);
    parts.forEach((_, index) => folders.add(parts.slice(0, index + 1).join('/')));
  }
  return [...folders].sort();
}
