/**
 * Makes this machine ready for the cluster lab: installs the Debian packages it lacks, then builds Kubernetes' programs
 * into the cache. `node test/cluster/install.ts [--all]`; with --all every version of kube-proxy, else the newest.
 * Where that is not possible it says what is missing, and that is no error: the lab's tests say that they are skipped.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { missingPackages } from './availability.ts';
import {
  CONTROL_PLANE_PROGRAMS,
  CONTROL_PLANE_VERSION,
  FULL_PROGRAMS,
  KUBE_PROXY_VERSIONS,
  ensureCoreDns,
  ensureLabtool,
  ensurePrograms,
} from './build.ts';
import { findProgram, goProgram } from './process.ts';

/** Debian starts the services of what it installs (etcd, sshd), unless this file says no. */
const POLICY = '/usr/sbin/policy-rc.d';

process.exitCode = await prepare();

async function prepare(): Promise<number> {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return say('the cluster lab runs on Linux, as root');
  const packages = missingPackages();
  if (packages.length > 0 && findProgram('apt-get') === undefined) {
    return say(`the cluster lab needs these packages (Debian's names): ${packages.join(' ')}`);
  }
  const failed = packages.length > 0 ? install(packages) : 0;
  if (failed !== 0) return failed;
  if (goProgram() === 'go') return say('the cluster lab needs Go, to build Kubernetes');
  await build(process.argv.includes('--all') ? KUBE_PROXY_VERSIONS : [CONTROL_PLANE_VERSION]);
  return 0;
}

function say(text: string): number {
  console.log(text);
  return 0;
}

function install(names: readonly string[]): number {
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  const ours = !existsSync(POLICY);
  if (ours) writeFileSync(POLICY, '#!/bin/sh\nexit 101\n', { mode: 0o755 });
  try {
    for (const argv of [['update'], ['install', '-y', '--no-install-recommends', ...names]]) {
      const { status } = spawnSync('apt-get', argv, { stdio: 'inherit', env });
      if (status !== 0) return status ?? 1;
    }
    return 0;
  } finally {
    if (ours) rmSync(POLICY);
  }
}

async function build(kubeProxyVersions: readonly string[]): Promise<void> {
  await ensureLabtool(console.log);
  await ensureCoreDns(console.log);
  await ensurePrograms(CONTROL_PLANE_VERSION, [...CONTROL_PLANE_PROGRAMS, ...FULL_PROGRAMS], console.log);
  for (const version of kubeProxyVersions) await ensurePrograms(version, ['kube-proxy'], console.log);
}
