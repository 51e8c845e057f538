/** Installs the Debian packages the cluster lab needs and this machine lacks: `node test/cluster/install.ts`. */
import { spawnSync } from 'node:child_process';
import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { missingPackages } from './availability.ts';
import { findProgram } from './process.ts';

const packages = missingPackages();
if (packages.length === 0) {
  console.log('nothing to install');
} else if (process.getuid?.() !== 0 || findProgram('apt-get') === undefined) {
  console.log(`install these packages (Debian's names), as root:\n  apt-get install --no-install-recommends ${packages.join(' ')}`);
  process.exitCode = 1;
} else {
  process.exitCode = install(packages);
}

/** Debian starts the services of what it installs (etcd, sshd), unless this file says no. */
const POLICY = '/usr/sbin/policy-rc.d';

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
