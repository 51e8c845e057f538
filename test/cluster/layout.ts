import { mkdirSync } from 'node:fs';
import { join } from 'node:path';

/** Where a lab keeps what. */
export interface Layout {
  /** In memory, seen only inside the lab, gone with it: etcd's data, private copies of system files. */
  readonly work: string;
  readonly certificates: string;
  /** What one node alone has or sees. */
  readonly nodeDir: (node: string) => string;
  /** In the lab's folder, for people and tests. */
  readonly dir: string;
  readonly logs: string;
  readonly kubeconfig: string;
  readonly sshConfig: string;
  readonly knownHosts: string;
  readonly identityFile: string;
  readonly controlSocket: string;
}

export function createLayout(dir: string): Layout {
  const work = '/run/lab';
  const layout = {
    work,
    certificates: join(work, 'certificates'),
    nodeDir: (node: string) => join(work, 'nodes', node),
    dir,
    logs: join(dir, 'logs'),
    kubeconfig: join(dir, 'kubeconfig'),
    sshConfig: join(dir, 'ssh_config'),
    knownHosts: join(dir, 'known_hosts'),
    identityFile: join(dir, 'id_ed25519'),
    controlSocket: join(dir, 'control.sock'),
  };
  for (const folder of [layout.certificates, layout.logs]) mkdirSync(folder, { recursive: true, mode: 0o700 });
  return layout;
}
