import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { findProgram, goProgram } from './process.ts';

/** The programs of this machine that labs use, and the Debian package of each. A path where none is in PATH. */
export const PACKAGES: Readonly<Record<string, string>> = {
  'xtables-nft-multi': 'iptables',
  'xtables-legacy-multi': 'iptables',
  nft: 'nftables',
  conntrack: 'conntrack',
  ip: 'iproute2',
  sshd: 'openssh-server',
  'ssh-keygen': 'openssh-client',
  ssh: 'openssh-client',
  etcd: 'etcd-server',
  sudo: 'sudo',
  nsenter: 'util-linux',
  unshare: 'util-linux',
  setpriv: 'util-linux',
  flock: 'util-linux',
  mount: 'mount',
  // The script that `collect` prints must run in these, and be clean.
  dash: 'dash',
  shellcheck: 'shellcheck',
  containerd: 'containerd',
  runc: 'runc',
  '/usr/lib/cni/host-local': 'containernetworking-plugins',
  busybox: 'busybox-static',
  ipset: 'ipset',
  kmod: 'kmod',
};

export function missingPackages(): string[] {
  const missing = Object.entries(PACKAGES).filter(([program]) => !isInstalled(program));
  return [...new Set(missing.map(([, name]) => name))].sort();
}

function isInstalled(program: string): boolean {
  return program.startsWith('/') ? existsSync(program) : findProgram(program) !== undefined;
}

/**
 * Why no lab can run here, or null when one can. Tests skip with this reason; where the environment says CI, a lab
 * that cannot run is an error, so that no test is lost silently.
 */
export function labUnavailable(): string | null {
  const reason = findReason();
  if (reason !== null && process.env['CI']) throw new Error(`the cluster lab cannot run, and in CI it must: ${reason}`);
  return reason;
}

function findReason(): string | null {
  if (process.platform !== 'linux') return `the cluster lab needs Linux, this is ${process.platform}`;
  if (process.getuid?.() !== 0) return 'the cluster lab needs root, for network namespaces';
  if (!process.features.typescript)
    return `the cluster lab needs a Node that runs TypeScript, this is ${process.version}`;
  if (goProgram() === 'go') return 'the cluster lab needs Go, to build Kubernetes';
  const packages = missingPackages();
  if (packages.length > 0) {
    return `the cluster lab needs the packages ${packages.join(' ')} (node test/cluster/install.ts)`;
  }
  return canMakeNamespaces()
    ? null
    : 'the cluster lab needs root that may make namespaces, which this container’s may not';
}

function canMakeNamespaces(): boolean {
  return spawnSync('unshare', ['--mount', '--net', '--pid', '--fork', '--mount-proc', 'true']).status === 0;
}
