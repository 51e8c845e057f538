/** A port of a pod through a real WebSocket server that speaks as a kubelet does, or does not. */
import { once } from 'node:events';
import type { Duplex } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { WebSocket } from 'ws';
import type { ClusterConnection } from '../../../src/collect/cluster/index.ts';
import { openPortForward } from '../../../src/collect/pods/port-forward.ts';
import { startFakeApi, type FakeApi } from '../cluster/fake-api.ts';
import { connectionTo } from './connection.ts';
import { begin, say } from './kubelet.ts';

let api: FakeApi;
let connection: ClusterConnection;

beforeEach(async () => {
  api = await startFakeApi();
  connection = await connectionTo(api.url, 2000);
});

afterEach(async () => {
  await connection.close();
  await api.close();
});

const never = new AbortController().signal;

async function open(port = 53, signal = never): Promise<Duplex> {
  return openPortForward(connection, { namespace: 'kube-system', pod: 'coredns-1', port }, signal);
}

async function read(stream: Duplex): Promise<string> {
  let text = '';
  for await (const chunk of stream) text += String(chunk);
  return text;
}

describe('a port of a pod', () => {
  it('is a stream both ways', async () => {
    api.talk = (socket) => {
      begin(socket, 53);
      socket.on('message', (data: Buffer) => {
        expect(data[0]).toBe(0);
        say(socket, 0, data.subarray(1).toString().toUpperCase());
        socket.close();
      });
    };
    const stream = await open();
    stream.write('hello');
    expect(await read(stream)).toBe('HELLO');
    expect(api.seen.at(-1)?.url).toBe('/api/v1/namespaces/kube-system/pods/coredns-1/portforward?ports=53');
    expect(api.seen.at(-1)?.headers['sec-websocket-protocol']).toEqual(['v4.channel.k8s.io']);
  });

  it('is read at the speed of its reader, and whole', async () => {
    const part = Buffer.concat([Buffer.of(0), Buffer.alloc(1_048_576, 'x')]);
    api.talk = (socket) => {
      begin(socket, 53);
      for (let index = 0; index < 64; index++) socket.send(part);
      socket.close();
    };
    const stream = await open();
    await once(stream, 'readable');
    // Time in which all of it would come.
    for (let round = 0; round < 2000; round++) await new Promise((done) => setImmediate(done));
    expect(stream.readableLength).toBeLessThan(8_388_608);
    let length = 0;
    for await (const chunk of stream) length += (chunk as Buffer).length;
    expect(length).toBe(64 * 1_048_576);
  });

  it('may begin with the port and data in one message', async () => {
    api.talk = (socket) => {
      socket.send(Buffer.from([0, 53, 0, 104, 105]));
      socket.close();
    };
    expect(await read(await open())).toBe('hi');
  });

  it.each<[string, (socket: WebSocket) => void, string]>([
    [
      'that nobody listens on',
      (socket) => {
        begin(socket, 53);
        say(socket, 1, 'error forwarding port 53 to pod x, uid : failed to connect: connection refused\u001b[31m');
        socket.close();
      },
      'error forwarding port 53 to pod x, uid : failed to connect: connection refused [31m',
    ],
    [
      'whose connection breaks',
      (socket) => (begin(socket, 53), socket.terminate()),
      'through the API server ended (code 1006)',
    ],
    ['that is closed before it was opened', (socket) => socket.close(), 'through the API server ended (code 1005)'],
    ['of another number', (socket) => begin(socket, 80), 'the kubelet forwards port 80 in place of 53'],
    ['without its number', (socket) => socket.send(Buffer.of(0)), 'forwards port none in place of 53'],
    ['with a third channel', (socket) => say(socket, 2, 'x'), 'a message on channel 2'],
    ['with an empty message', (socket) => socket.send(Buffer.alloc(0)), 'a message on channel none'],
  ])('%s ends with an error', async (_, talk, words) => {
    api.talk = talk;
    await expect(open().then(read)).rejects.toThrow(words);
  });

  it('that may not be forwarded: the server says so', async () => {
    api.fault = (_, response) => {
      const message = 'pods "coredns-1" is forbidden: User "jane" cannot create resource "pods/portforward"';
      response.writeHead(403, { 'content-type': 'application/json' });
      response.end(JSON.stringify({ kind: 'Status', reason: 'Forbidden', message }));
      return true;
    };
    await expect(open()).rejects.toMatchObject({
      status: 403,
      message: expect.stringContaining('cannot create resource'),
    });
  });

  it('that never opens ends with the request timeout, or when the run is stopped', async () => {
    api.fault = () => true;
    await expect(open()).rejects.toThrow(/2 ?s|timed? ?out|deadline/i);
    await expect(open(53, AbortSignal.abort(new Error('stopped')))).rejects.toThrow('stopped');
  });

  it('is let go when its reader is done with it', async () => {
    const closed = new Promise<number>((resolve) => {
      api.talk = (socket) => {
        begin(socket, 53);
        socket.on('close', resolve);
      };
    });
    const stream = await open();
    stream.on('error', () => undefined);
    stream.destroy();
    await once(stream, 'close');
    expect(await closed).toBe(1006);
  });
});
