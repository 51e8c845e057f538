/** DNS over TCP against a real server that answers late, in another order, in pieces, wrongly, or not at all. */
import { connect } from 'node:net';
import { TRUNCATED_RESPONSE, type DecodedPacket } from 'dns-packet';
import { afterEach, describe, expect, it } from 'vitest';
import { askServer, type OpenDns } from '../../../src/collect/dns/ask.ts';
import type { DnsAnswer, DnsQuestion } from '../../../src/model/dns.ts';
import { answered, framed, numbered, numberIn, startNameServer, type NameServer, type Reply } from './name-server.ts';

let server: NameServer | null = null;

afterEach(async () => {
  await server?.close();
  server = null;
});

const names = (count: number): DnsQuestion[] =>
  Array.from({ length: count }, (_, index) => ({ name: `s${index}.default.svc.cluster.local`, type: 'A' }));

async function ask(
  reply: Reply,
  questions: readonly DnsQuestion[] = names(1),
  { timeoutMs = 5000, signal = new AbortController().signal } = {},
): Promise<readonly DnsAnswer[]> {
  server = await startNameServer(reply);
  const { port } = server;
  const open: OpenDns = async () => connect(port, '127.0.0.1');
  return askServer('pod', open, questions, { timeoutMs, signal, now: () => new Date(0) });
}

const addresses = (answers: readonly DnsAnswer[]): (string | null)[] =>
  answers.map(({ response, error }) => response?.answers[0]?.data ?? error);

describe('questions over TCP', () => {
  it('are answered, each its own', async () => {
    const answers = await ask((question) => answered(question, numbered(question)), names(3));
    expect(answers[2]).toEqual({
      server: 'pod',
      name: 's2.default.svc.cluster.local',
      type: 'A',
      at: '1970-01-01T00:00:00.000Z',
      response: {
        rcode: 'NOERROR',
        truncated: false,
        answers: [{ name: 's2.default.svc.cluster.local', type: 'A', ttl: 30, data: '10.0.0.3' }],
        negativeTtl: null,
      },
      error: null,
    });
    expect(addresses(answers)).toEqual(['10.0.0.1', '10.0.0.2', '10.0.0.3']);
  });

  it('are answered in any order', async () => {
    const held: Buffer[] = [];
    const answers = await ask((question) => {
      held.push(answered(question, numbered(question)));
      return held.length < 3 ? null : Buffer.concat(held.toReversed());
    }, names(3));
    expect(addresses(answers)).toEqual(['10.0.0.1', '10.0.0.2', '10.0.0.3']);
  });

  it('are answered byte by byte', async () => {
    const answers = await ask((question, socket) => {
      socket.setNoDelay(true);
      const bytes = [...answered(question, numbered(question))];
      const next = (): void => {
        const byte = bytes.shift();
        if (byte === undefined) return;
        socket.write(Buffer.from([byte]));
        setImmediate(next);
      };
      next();
      return null;
    });
    expect(addresses(answers)).toEqual(['10.0.0.1']);
  });

  it('more than a connection should carry go over several', async () => {
    // As miekg/dns did by default: the connection ends after 128 questions.
    const answers = await ask((question, socket, count) => {
      if (count <= 128) return answered(question, numbered(question));
      socket.end();
      return null;
    }, names(350));
    expect(answers).toHaveLength(350);
    expect(answers.filter(({ response }) => response === null)).toEqual([]);
    expect(addresses(answers)[349]).toBe('10.0.1.100');
    expect(server?.connections()).toBe(4);
  });

  it('that were lost with a connection are asked once more', async () => {
    let broken = false;
    const answers = await ask((question, socket, count) => {
      if (broken || count < 2) return answered(question, numbered(question));
      broken = true;
      socket.destroy();
      return null;
    }, names(3));
    expect(addresses(answers)).toEqual(['10.0.0.1', '10.0.0.2', '10.0.0.3']);
    expect(server?.connections()).toBe(2);
  });

  it.each<[string, number, object, string]>([
    ['no such name', 3, {}, 'NXDOMAIN'],
    ['a failure', 2, {}, 'SERVFAIL'],
    ['a refusal', 5, {}, 'REFUSED'],
    ['a code without a usual name', 9, {}, 'RCODE9'],
  ])('are answered with %s', async (_, rcode, options, name) => {
    const [answer] = await ask((question) => answered(question, [], { rcode, ...options }));
    expect(answer?.response?.rcode).toBe(name);
    expect(answer?.error).toBeNull();
  });

  it('tell for how long an absence may be kept, and whether all fitted', async () => {
    const soa = { mname: 'ns', rname: 'host', serial: 1, refresh: 1, retry: 1, expire: 1, minimum: 30 };
    const authorities = [{ name: 'cluster.local', type: 'SOA' as const, ttl: 7, data: soa }];
    const [answer] = await ask((question) => answered(question, [], { flags: TRUNCATED_RESPONSE, authorities }));
    expect(answer?.response).toMatchObject({ negativeTtl: 7, truncated: true });
  });
});

describe('questions that get no answer', () => {
  const errorOf = ([answer]: readonly DnsAnswer[]): string => `${answer?.response?.rcode ?? answer?.error}`;

  it('end after their time, and the others keep theirs', async () => {
    const answers = await ask(
      (question) => (numberIn(nameIn(question)) === 1 ? null : answered(question, numbered(question))),
      names(3),
      { timeoutMs: 2000 },
    );
    expect(addresses(answers)).toEqual(['10.0.0.1', 'no answer within 2 s', '10.0.0.3']);
  });

  it('are not followed by hundreds more', async () => {
    const answers = await ask(() => null, names(250), { timeoutMs: 200 });
    expect(new Set(addresses(answers))).toEqual(new Set(['no answer within 0.2 s']));
    expect(answers).toHaveLength(250);
    expect(server?.connections()).toBe(1);
  });

  it('because the server ends the connection', async () => {
    const answers = await ask((_, socket) => {
      socket.end();
      return null;
    });
    expect(errorOf(answers)).toBe('the server ended the connection');
  });

  it('because nobody listens there', async () => {
    const closed = await startNameServer(() => null);
    await closed.close();
    const open: OpenDns = async () => connect(closed.port, '127.0.0.1');
    const options = { timeoutMs: 5000, signal: new AbortController().signal, now: () => new Date(0) };
    expect(errorOf(await askServer('pod', open, names(1), options))).toContain('ECONNREFUSED');
  });

  it('because no connection can be opened', async () => {
    const open: OpenDns = async () => Promise.reject(new Error('pods "coredns" is forbidden'));
    const options = { timeoutMs: 5000, signal: new AbortController().signal, now: () => new Date(0) };
    expect(errorOf(await askServer('pod', open, names(1), options))).toBe('pods "coredns" is forbidden');
  });

  it.each<[string, (question: DecodedPacket) => Buffer]>([
    ['is no DNS', () => framed(Buffer.from('HTTP/1.1 400 Bad Request'))],
    ['is cut short', (question) => framed(answered(question, numbered(question)).subarray(2, 30))],
    ['has no bytes', () => framed(Buffer.alloc(0))],
  ])('because what comes %s', async (_, reply) => {
    expect(errorOf(await ask(reply, names(1), { timeoutMs: 500 }))).toMatch(/no DNS message|no answer within/);
  });

  it('because the answer is to another question', async () => {
    const answers = await ask(
      (question) =>
        answered({ ...question, questions: [{ name: 'other.example.com', type: 'A' }] }, numbered(question)),
      names(1),
      { timeoutMs: 300 },
    );
    expect(errorOf(answers)).toBe('no answer within 0.3 s');
  });

  it('because the run is stopped', async () => {
    const stop = new AbortController();
    const asking = ask(
      () => {
        stop.abort(new Error('stopped'));
        return null;
      },
      names(2),
      { signal: stop.signal },
    );
    await expect(asking).rejects.toThrow('stopped');
  });
});

function nameIn({ questions = [] }: DecodedPacket): string {
  return questions[0]?.name ?? '';
}
