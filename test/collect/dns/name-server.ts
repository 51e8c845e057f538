import { createServer, type Socket } from 'node:net';
import { decode, encode, type Answer, type DecodedPacket } from 'dns-packet';

/** A small DNS server on 127.0.0.1 over TCP, that can be broken on purpose. */
export interface NameServer {
  readonly port: number;
  /** Connections that were opened. */
  connections(): number;
  close(): Promise<void>;
}

/** Answers one question; null: not at all. Bytes are sent as they are, without a length. */
export type Reply = (question: DecodedPacket, socket: Socket, count: number) => Buffer | null;

export async function startNameServer(reply: Reply): Promise<NameServer> {
  let connections = 0;
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    connections += 1;
    sockets.add(socket);
    socket.on('error', () => undefined);
    let received = Buffer.alloc(0);
    let count = 0;
    socket.on('data', (chunk: Buffer) => {
      received = Buffer.concat([received, chunk]);
      while (received.length >= 2 && received.length >= 2 + received.readUInt16BE(0)) {
        const end = 2 + received.readUInt16BE(0);
        const answer = reply(decode(received.subarray(2, end)), socket, ++count);
        received = received.subarray(end);
        if (answer !== null && socket.writable) socket.write(answer);
      }
    });
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const address = server.address();
  return {
    port: typeof address === 'object' && address !== null ? address.port : 0,
    connections: () => connections,
    close: () =>
      new Promise((done) => {
        for (const socket of sockets) socket.destroy();
        server.close(() => done());
      }),
  };
}

/** An answer as it goes over TCP. */
export function answered(
  question: DecodedPacket,
  answers: Answer[],
  { rcode = 0, flags = 0, id = question.id ?? 0, authorities = [] as Answer[] } = {},
): Buffer {
  const { questions = [] } = question;
  return framed(encode({ type: 'response', id, flags: flags | rcode, questions, answers, authorities }));
}

export function framed(message: Buffer): Buffer {
  const length = Buffer.alloc(2);
  length.writeUInt16BE(message.length);
  return Buffer.concat([length, message]);
}

/** The A record of the name that was asked for: 10.0.0.N, N being the first number in the name. */
export function numbered(question: DecodedPacket): Answer[] {
  const name = question.questions?.[0]?.name ?? '';
  return [{ name, type: 'A', ttl: 30, data: `10.0.${Math.floor(numberIn(name) / 250)}.${(numberIn(name) % 250) + 1}` }];
}

export function numberIn(name: string): number {
  return Number(/\d+/.exec(name)?.[0] ?? 0);
}
