import { spawn, spawnSync } from 'node:child_process';
import type { ChildProcessWithoutNullStreams } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { createInterface } from 'node:readline';
import type { Interface } from 'node:readline';
import { fileURLToPath } from 'node:url';

/** A place packets are sent from: outside the node, or the node itself. */
export type Sender = 'client' | 'node';

/** Two network namespaces: a client, and a node between the client and a network where nobody answers. */
export interface KernelLab {
  /** Runs a script in the node; its stdout. Fails when the script does. */
  run(script: string): Promise<string>;
  send(from: Sender, protocol: string, address: string, port: number, sourcePort: number): Promise<void>;
  close(): void;
}

export const CLIENT = '10.0.1.2';
export const NODE_ADDRESSES = ['10.0.1.1', '10.0.2.1'];
export const IN_INTERFACE = 'in0';
export const OUT_INTERFACE = 'out0';

/** Why the lab cannot run here; null when it can. */
export function whyNoLab(): string | null {
  if (process.platform !== 'linux') return 'needs Linux';
  if (process.getuid?.() !== 0) return 'needs root';
  for (const program of ['ip', 'nft', 'iptables-legacy-restore', 'iptables-nft-restore'])
    if (spawnSync('sh', ['-c', `command -v ${program}`]).status !== 0) return `needs ${program}`;
  return null;
}

/** One long-lived process that takes a request and answers it with lines up to an end mark. */
class Conversation {
  readonly #process: ChildProcessWithoutNullStreams;
  readonly #lines: AsyncIterator<string>;
  readonly #reader: Interface;

  constructor(command: string, args: readonly string[]) {
    this.#process = spawn(command, args);
    this.#process.stderr.resume();
    this.#reader = createInterface({ input: this.#process.stdout });
    this.#lines = this.#reader[Symbol.asyncIterator]();
  }

  async ask(request: string, isEnd: (line: string) => boolean): Promise<readonly string[]> {
    this.#process.stdin.write(request);
    const lines: string[] = [];
    for (;;) {
      const { value, done } = await this.#lines.next();
      if (done === true) throw new Error(`the process ended: ${lines.join('\n')}`);
      lines.push(value);
      if (isEnd(value)) return lines;
    }
  }

  close(): void {
    this.#reader.close();
    this.#process.stdin.end();
    this.#process.kill();
  }
}

/** Builds the namespaces. Whatever happens, `close` removes them. */
export function openLab(): KernelLab {
  const id = randomBytes(4).toString('hex');
  const names = { client: `svcd-c-${id}`, node: `svcd-n-${id}` };
  const remove = (): void => {
    for (const name of Object.values(names)) spawnSync('ip', ['netns', 'del', name]);
  };
  const built = spawnSync('sh', ['-euc', topology(names.client, names.node)], { encoding: 'utf8' });
  if (built.status !== 0) {
    remove();
    throw new Error(`the lab could not be built: ${built.stderr}`);
  }
  return conversationsIn(names, remove);
}

function conversationsIn(names: Readonly<Record<Sender, string>>, remove: () => void): KernelLab {
  const inside = (name: string, ...argv: readonly string[]): Conversation =>
    new Conversation('ip', ['netns', 'exec', name, ...argv]);
  const script = fileURLToPath(new URL('walk-kernel-sender.ts', import.meta.url));
  const senders = {
    client: inside(names.client, process.execPath, '--no-warnings', script),
    node: inside(names.node, process.execPath, '--no-warnings', script),
  };
  const shell = inside(names.node, 'bash');
  return {
    async run(text) {
      const lines = await shell.ask(`( ${text}\n) 2>&1\necho "=end $?"\n`, (line) => line.startsWith('=end '));
      const output = lines.slice(0, -1).join('\n');
      if (lines.at(-1) !== '=end 0') throw new Error(`${text}\n${output}`);
      return output;
    },
    async send(from, ...packet) {
      await senders[from].ask(`${packet.join(' ')}\n`, (line) => line === packet.join(' '));
    },
    close() {
      for (const each of [senders.client, senders.node, shell]) each.close();
      remove();
    },
  };
}

/**
 * The table `probe` looks at packets after all of iptables: what passes is written into a set and goes no further, so
 * nothing is ever answered. What the node itself would answer (ICMP, RST) is dropped before its first rule.
 */
function topology(client: string, node: string): string {
  return `
ip netns add ${client}
ip netns add ${node}
ip -n ${node} link add ${IN_INTERFACE} type veth peer name eth0 netns ${client}
ip -n ${node} link add ${OUT_INTERFACE} type veth peer name out1
for dev in lo ${IN_INTERFACE} ${OUT_INTERFACE} out1; do ip -n ${node} link set $dev up; done
ip -n ${client} link set lo up
ip -n ${client} link set eth0 up
ip -n ${client} addr add ${CLIENT}/24 dev eth0
ip -n ${node} addr add ${NODE_ADDRESSES[0]}/24 dev ${IN_INTERFACE}
ip -n ${node} addr add ${NODE_ADDRESSES[1]}/24 dev ${OUT_INTERFACE}
ip -n ${client} route add default via ${NODE_ADDRESSES[0]}
ip -n ${node} route add default via 10.0.2.2
ip netns exec ${node} sh -c 'echo 1 > /proc/sys/net/ipv4/ip_forward'
mac=$(ip netns exec ${node} cat /sys/class/net/${IN_INTERFACE}/address)
ip -n ${client} neigh add ${NODE_ADDRESSES[0]} lladdr $mac dev eth0 nud permanent
ip netns exec ${node} nft -f - <<'END'
table ip probe {
  set seen { type ipv4_addr . ipv4_addr . inet_service . mark; flags dynamic; size 1024; }
  chain early { type filter hook output priority -400; meta l4proto icmp drop; tcp flags & rst == rst drop; }
  chain received { type filter hook input priority 1000;
    meta l4proto { tcp, udp } update @seen { ip saddr . ip daddr . th dport . meta mark } drop; }
  chain sent { type filter hook postrouting priority 1000; oifname lo accept;
    meta l4proto { tcp, udp } update @seen { ip saddr . ip daddr . th dport . meta mark } drop; }
}
END
`;
}
