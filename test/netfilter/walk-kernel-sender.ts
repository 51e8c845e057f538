import { createSocket } from 'node:dgram';
import { connect } from 'node:net';
import { createInterface } from 'node:readline';

/**
 * Runs inside a network namespace. Each line `PROTOCOL ADDRESS PORT SOURCE-PORT` on stdin sends the first packet of a
 * connection, and nothing after it; the line is written back when the packet is out.
 */
for await (const line of createInterface({ input: process.stdin })) {
  const [protocol = '', address = '', port = '', sourcePort = ''] = line.split(' ');
  await (protocol === 'udp' ? sendDatagram : sendSyn)(address, Number(port), Number(sourcePort));
  process.stdout.write(`${line}\n`);
}

function sendDatagram(address: string, port: number, sourcePort: number): Promise<void> {
  return new Promise((resolve) => {
    const socket = createSocket('udp4');
    const done = (): void => void socket.close(() => resolve());
    // A REJECT or DROP on the way out is an error of the send call, and an answer for the test like any other.
    socket.once('error', done);
    socket.bind(sourcePort, () => socket.send('x', port, address, done));
  });
}

/** connect() puts the SYN out before it returns; closing an unanswered socket sends nothing. */
function sendSyn(address: string, port: number, localPort: number): Promise<void> {
  return new Promise((resolve) => {
    const socket = connect({ host: address, port, localPort, lookup: undefined });
    socket.on('error', () => undefined);
    socket.once('close', () => resolve());
    setImmediate(() => socket.destroy());
  });
}
