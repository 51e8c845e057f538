import { execFileSync, spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { type NodeReading, readNode } from '../../../src/collect/read-node.ts';
import { connect, SIGNAL } from './reading.ts';
import { areMissing, SshLab, type Sshd } from './sshd.ts';

export const RULES = `*nat
:PREROUTING ACCEPT [0:0]
:POSTROUTING ACCEPT [0:0]
:KUBE-SERVICES - [0:0]
-A PREROUTING -m comment --comment "kubernetes service portals" -j KUBE-SERVICES
-A KUBE-SERVICES -d 10.96.0.1/32 -p tcp -m comment --comment "default/kubernetes:https" -j ACCEPT
COMMIT
`;

export const lacksIptables = areMissing('/usr/sbin/iptables-nft-restore', '/usr/sbin/iptables-legacy-restore');
export const lacksSudo = areMissing('/usr/bin/sudo');
export const AS_NOBODY = 'setpriv --reuid=65534 --regid=65534 --clear-groups';

/** Nodes to be read over SSH: sshd's, the commands of each in a network namespace of their own. */
export class NodeLab {
  readonly lab = new SshLab();
  readonly #key = this.lab.key();

  /** A server whose commands run after `prepare` and below `as`; what `prepare` mounts is theirs alone. */
  async node(prepare = '', as = ''): Promise<Sshd> {
    const namespace = this.lab.start('unshare', ['-n', 'sleep', '600']);
    const script = this.lab.newPath('login');
    const text = `#!/bin/sh\nset -e\n${prepare}\ncd /\nexec ${as} /bin/sh -c "$SSH_ORIGINAL_COMMAND"\n`;
    writeFileSync(script, text, { mode: 0o755 });
    const enter = `nsenter -t ${String(namespace.pid)} -n unshare -m`;
    return this.lab.sshd({ userKeys: [this.#key], lines: [`ForceCommand ${enter} ${script}`] });
  }

  config(server: Sshd, lines: readonly string[] = []): string {
    return this.lab.config({ key: this.#key, knownHosts: this.lab.knownHosts(server), lines });
  }

  /** A server that answers all commands with a script. */
  async answering(script: string): Promise<Sshd> {
    const login = this.lab.newPath('login');
    writeFileSync(login, `#!/bin/sh\n${script}\n`, { mode: 0o755 });
    return this.lab.sshd({ userKeys: [this.#key], lines: [`ForceCommand ${login}`] });
  }

  async read(server: Sshd, lines: readonly string[] = [], signal = SIGNAL): Promise<NodeReading> {
    const transport = await connect({ config: this.config(server, lines), port: server.port });
    try {
      return await readNode(transport, { signal, now: () => performance.now() });
    } finally {
      await transport.close();
    }
  }

  /** Puts rules into the namespace, through the server's own command. */
  restore(server: Sshd, program: string, rules: string | Buffer = RULES): void {
    execFileSync('ssh', [...this.#flags(server), `/usr/sbin/${program}`], {
      input: rules,
      stdio: ['pipe', 'ignore', 'pipe'],
    });
  }

  /** Runs a command by hand: its exit code, and what it says. */
  byHand(server: Sshd, command: string): { readonly code: number | null; readonly said: string } {
    const { status, stdout, stderr } = spawnSync('ssh', [...this.#flags(server), command]);
    return { code: status, said: `${stdout.toString('utf8')}${stderr.toString('utf8')}` };
  }

  #flags(server: Sshd): readonly string[] {
    return ['-F', this.config(server), '-p', String(server.port), '127.0.0.1'];
  }
}

export function withoutTimes({ files }: NodeReading): ReadonlyMap<string, string> {
  return new Map([...files].map(([name, text]) => [name, text.replaceAll(/ on .*$/gm, '')]));
}
