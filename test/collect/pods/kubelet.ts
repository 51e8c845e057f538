import { connect } from 'node:net';
import type { WebSocket } from 'ws';

/**
 * Does with a WebSocket what a kubelet does with a port-forward: joins it to a TCP port, here one of 127.0.0.1, or says why
 * that cannot be. `ports`: the local port behind each port of the pod.
 */
export function forward(socket: WebSocket, url: string, ports: Readonly<Record<number, number>>): void {
  const port = Number(new URL(url, 'http://x').searchParams.get('ports'));
  begin(socket, port);
  const there = connect(ports[port] ?? 1, '127.0.0.1');
  socket.on('message', (data: Buffer) => there.write(data.subarray(1)));
  socket.on('close', () => there.destroy());
  there.on('data', (chunk) => say(socket, 0, chunk));
  there.on('end', () => socket.close());
  there.on('error', (error) => {
    say(socket, 1, Buffer.from(`error forwarding port ${port} to pod 1f, uid : ${error.message}`));
    socket.close();
  });
}

/** What a kubelet sends first: on each channel the number of the port. */
export function begin(socket: WebSocket, port: number): void {
  const number = Buffer.alloc(2);
  number.writeUInt16LE(port);
  for (const channel of [0, 1]) say(socket, channel, number);
}

export function say(socket: WebSocket, channel: number, content: Buffer | string): void {
  socket.send(Buffer.concat([Buffer.of(channel), Buffer.from(content)]));
}
