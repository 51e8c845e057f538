/** Keys and settings of the nodes' sshd, and of the clients outside that log in to them. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Layout } from './layout.ts';
import { OPERATOR } from './privacy.ts';
import { requireSuccess, run } from './process.ts';
import { NODES } from './topology.ts';
import type { NodePlan } from './topology.ts';

export async function createKeys(layout: Layout): Promise<void> {
  await Promise.all([
    createKey(layout.identityFile, 'svcdoctor-lab'),
    ...NODES.map((node) => createKey(hostKey(layout, node), node.name)),
  ]);
  // Read by sshd as the user who logs in, so it cannot be in the lab's closed folder.
  writeFileSync(authorizedKeys(layout), readFileSync(`${layout.identityFile}.pub`), { mode: 0o644 });
}

async function createKey(file: string, comment: string): Promise<void> {
  requireSuccess(await run(['ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-C', comment, '-f', file]));
}

function hostKey(layout: Layout, node: NodePlan): string {
  return join(layout.work, `${node.name}.host-key`);
}

function authorizedKeys(layout: Layout): string {
  return join(layout.work, 'authorized_keys');
}

/** Returns the file. Without PAM: its modules are those of the machine, and may want things the lab has not. */
export function writeSshdConfig(layout: Layout, node: NodePlan): string {
  const file = join(layout.work, `${node.name}.sshd_config`);
  const lines = [
    'Port 22',
    `ListenAddress ${node.ip}`,
    `ListenAddress ${node.ip6}`,
    `HostKey ${hostKey(layout, node)}`,
    `AuthorizedKeysFile ${authorizedKeys(layout)}`,
    'PermitRootLogin prohibit-password',
    'PasswordAuthentication no',
    'KbdInteractiveAuthentication no',
    'UsePAM no',
    'UseDNS no',
    'PrintMotd no',
    'PidFile none',
    'MaxStartups 100',
    'Subsystem sftp internal-sftp',
  ];
  writeFileSync(file, `${lines.join('\n')}\n`);
  return file;
}

/**
 * The configuration for `ssh -F`: node names and node addresses both lead to the node, through its port on this
 * machine, and the host keys it trusts are the real ones.
 */
export function writeClientConfig(layout: Layout, portOf: (node: string) => number): void {
  const known: string[] = [];
  const config: string[] = [];
  for (const node of NODES) {
    const port = portOf(node.name);
    const [type = '', key = ''] = readFileSync(`${hostKey(layout, node)}.pub`, 'utf8').split(' ');
    known.push(`[127.0.0.1]:${port},${node.name},${node.ip},${node.ip6} ${type} ${key}`);
    config.push(`Host ${node.name} ${node.ip} ${node.ip6}`, '  HostName 127.0.0.1', `  Port ${port}`, '');
  }
  // The first value of a setting wins; so root is only who logs in when nobody else was asked for.
  config.push(
    'Host *',
    '  User root',
    `  IdentityFile ${layout.identityFile}`,
    '  IdentitiesOnly yes',
    `  UserKnownHostsFile ${layout.knownHosts}`,
    '  GlobalKnownHostsFile /dev/null',
    '  StrictHostKeyChecking yes',
    `  # ${OPERATOR.name} can log in as well, and has sudo`,
  );
  writeFileSync(layout.knownHosts, `${known.join('\n')}\n`, { mode: 0o600 });
  writeFileSync(layout.sshConfig, `${config.join('\n')}\n`, { mode: 0o600 });
}
