/**
 * What the lab hides from itself and from the machine. All of it is mounted in the supervisor's own mount namespace.
 */
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import type { Backend } from './options.ts';
import { findProgram, requireSuccess, run } from './process.ts';
import { CONTROL_PLANE, NODES } from './topology.ts';

/** Who logs in to a node, besides root: needs `sudo` to read rules. */
export const OPERATOR = { name: 'operator', uid: 61_000, home: '/run/lab/operator' } as const;

/** /run holds the names of network namespaces, xtables.lock, sshd's and sudo's folders: each lab has its own. */
export async function mountPrivately(): Promise<void> {
  requireSuccess(await run(['mount', '-t', 'tmpfs', '-o', 'mode=755', 'tmpfs', '/run']));
  for (const folder of ['netns', 'sshd', 'lock', 'lab/etc'])
    mkdirSync(`/run/${folder}`, { recursive: true, mode: 0o755 });
}

/**
 * The lab's users and hosts. Root's password is locked on many machines, and sshd lets nobody in to a locked account,
 * with a key neither.
 */
export async function replaceSystemFiles(): Promise<void> {
  const { name, uid, home } = OPERATOR;
  mkdirSync(home, { recursive: true, mode: 0o755 });
  const passwd = withoutUsers(readFileSync('/etc/passwd', 'utf8'));
  await replaceFile(
    '/etc/passwd',
    `${passwd}root:x:0:0:root:/root:/bin/sh\n${name}:x:${uid}:${uid}::${home}:/bin/sh\n`,
    0o644,
  );
  const shadow = withoutUsers(readFileSync('/etc/shadow', 'utf8'));
  await replaceFile('/etc/shadow', `${shadow}root:*:19000:0:99999:7:::\n${name}:*:19000:0:99999:7:::\n`, 0o640);
  await replaceFile('/etc/hosts', hosts(), 0o644);
  await replaceFile('/etc/sudoers', sudoers(), 0o440);
}

/** As Debian's own, but that the operator is never asked for a password. */
function sudoers(): string {
  const path = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
  return `Defaults env_reset, secure_path="${path}"\nroot ALL=(ALL:ALL) ALL\n${OPERATOR.name} ALL=(ALL:ALL) NOPASSWD: ALL\n`;
}

function withoutUsers(text: string): string {
  const lines = text.split('\n').filter((line) => line !== '' && !/^(root|operator):/.test(line));
  return lines.map((line) => `${line}\n`).join('');
}

function hosts(): string {
  const machines = [{ name: 'control-plane', ...CONTROL_PLANE }, ...NODES];
  const lines = machines.flatMap(({ name, ip, ip6 }) => [`${ip} ${name}`, `${ip6} ${name}`]);
  return ['127.0.0.1 localhost', '::1 localhost', ...lines, ''].join('\n');
}

async function replaceFile(path: string, text: string, mode: number): Promise<void> {
  const own = `/run/lab${path}`;
  writeFileSync(own, text, { mode });
  requireSuccess(await run(['mount', '--bind', own, path]));
}

/** A folder in which iptables and its family are those of one back end, whatever the machine's own default is. */
export function linkIptables(backend: Backend, folder: string): void {
  const program = findProgram(`xtables-${backend}-multi`);
  if (program === undefined) throw new Error(`no xtables-${backend}-multi`);
  mkdirSync(folder, { recursive: true, mode: 0o755 });
  for (const family of ['iptables', 'ip6tables']) {
    for (const suffix of ['', '-save', '-restore']) symlinkSync(program, `${folder}/${family}${suffix}`);
  }
}
