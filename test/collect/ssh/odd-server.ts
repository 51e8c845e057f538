import { readFileSync } from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';
import ssh2 from 'ssh2';
import type { Connection, ServerChannel } from 'ssh2';
import { afterAll } from 'vitest';

/** Servers that do what no sshd can be made to do, and relays that do it to the connections of one. Gone after the last test. */
export class OddServers {
  readonly #open = new Set<{ close(): void }>();
  readonly #sockets = new Set<Socket>();

  constructor() {
    afterAll(() => {
      for (const server of this.#open) server.close();
      for (const socket of this.#sockets) socket.destroy();
    });
  }

  /** Listens on a port of 127.0.0.1; the port. */
  async listen(onConnection: (socket: Socket, index: number) => void): Promise<number> {
    let connections = 0;
    const server = createServer((socket) => {
      this.#sockets.add(socket);
      socket.on('error', () => undefined);
      onConnection(socket, connections++);
    });
    return this.#listen(server);
  }

  /** Passes connections on to a port, with what `change` does to each before and while. */
  async relay(target: number, change: (socket: Socket, upstream: Socket, index: number) => void): Promise<number> {
    return this.listen((socket, index) => {
      const upstream = connect(target, '127.0.0.1');
      this.#sockets.add(upstream);
      upstream.on('error', () => undefined);
      upstream.on('close', () => socket.end());
      socket.on('close', () => upstream.destroy());
      change(socket, upstream, index);
    });
  }

  /** Drops the first connections, as a busy sshd does, and passes on the others. */
  async dropping(target: number, drops: number): Promise<number> {
    return this.relay(target, (socket, upstream, index) => {
      if (index < drops) socket.destroy();
      else socket.pipe(upstream).pipe(socket);
    });
  }

  /** An SSH server that lets everybody in, and answers commands as told. */
  async ssh(hostKey: string, onCommand: (channel: () => ServerChannel, reject: () => void) => void): Promise<number> {
    return this.#ssh(hostKey, (client) => {
      client.on('authentication', (context) => context.accept());
      client.on('session', (accept) => {
        const session = accept();
        session.on('exec', (acceptExec, rejectExec) => onCommand(acceptExec, () => rejectExec()));
      });
    });
  }

  /** An SSH server that hangs up when it is shown a key; `seen` is told of each connection. */
  async hangingUp(hostKey: string, seen: () => void): Promise<number> {
    return this.#ssh(hostKey, (client) => {
      seen();
      client.on('authentication', (context) => {
        if (context.method === 'none') context.reject(['publickey']);
        else client.end();
      });
    });
  }

  async #ssh(hostKey: string, onClient: (client: Connection) => void): Promise<number> {
    const server = new ssh2.Server({ hostKeys: [readFileSync(hostKey)] }, (client) => {
      client.on('error', () => undefined);
      onClient(client);
    });
    return this.#listen(server);
  }

  async #listen(server: Server | ssh2.Server): Promise<number> {
    this.#open.add(server);
    await new Promise<void>((resolve) => {
      server.listen(0, '127.0.0.1', () => resolve());
    });
    const address = server.address();
    if (address === null || typeof address === 'string') throw new Error('no port');
    return address.port;
  }
}
