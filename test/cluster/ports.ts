/** The lab's ports on 127.0.0.1 of the machine, which the guard opens and the supervisor serves. */
import { once } from 'node:events';
import type { Server } from 'node:net';
import type { SupervisorMessage } from './messages.ts';
import { relay } from './relay.ts';
import { CONTROL_PLANE, nodePlan } from './topology.ts';

export class Ports {
  private readonly numbers = new Map<string, number>();
  private readonly servers = new Map<string, Server>();
  private readonly waiting = new Map<string, () => void>();

  /** Connections are served from here on: to the API server, or to a node's sshd. */
  receive(service: string, port: number, server: Server): void {
    this.numbers.set(service, port);
    this.servers.set(service, server);
    if (service === 'api') relay(server, { host: CONTROL_PLANE.ip, port: CONTROL_PLANE.port });
    else relay(server, { host: nodePlan(service).ip, port: 22 });
    this.waiting.get(service)?.();
  }

  /** The address for clients on this machine. */
  numberOf(service: string): number {
    return this.numbers.get(service) ?? 0;
  }

  /** From here on connections are refused, as by a node on which nothing listens. */
  async close(service: string): Promise<void> {
    const server = this.servers.get(service);
    if (!server?.listening) return;
    const closed = once(server, 'close');
    server.close();
    await closed;
  }

  /** Only the guard is in the network namespace in which the port has to be opened. */
  async reopen(service: string): Promise<void> {
    if (this.servers.get(service)?.listening) return;
    const received = new Promise<void>((resolve) => this.waiting.set(service, resolve));
    const message: SupervisorMessage = { kind: 'reopen', service, port: this.numberOf(service) };
    process.send?.(message);
    await received;
    this.waiting.delete(service);
  }
}
