import type { Duplex } from 'node:stream';
import { decode, DNSSEC_OK, encode, RECURSION_DESIRED, TRUNCATED_RESPONSE } from 'dns-packet';
import type { Answer, DecodedPacket, OptAnswer } from 'dns-packet';
import { type DnsQuestion, type DnsRecord, type DnsResponse, plainName } from '../../model/dns.ts';

/** A name server did not answer, or not in the words of DNS. */
export class DnsError extends Error {
  override readonly name = 'DnsError';
}

/** RFC 1035 §4.2.2: each message over TCP has its length in front. */
const LENGTH_BYTES = 2;

const RCODES = ['NOERROR', 'FORMERR', 'SERVFAIL', 'NXDOMAIN', 'NOTIMP', 'REFUSED'] as const;

interface Waiting {
  readonly question: DnsQuestion;
  readonly resolve: (response: DnsResponse) => void;
  readonly reject: (error: Error) => void;
}

/** DNS over one stream: many questions may be on their way, answers come in any order (RFC 7766). */
export class DnsStream {
  readonly #stream: Duplex;
  readonly #waiting = new Map<number, Waiting>();
  #received: Buffer = Buffer.alloc(0);
  #nextId = 0;
  #ended: DnsError | null = null;

  constructor(stream: Duplex) {
    this.#stream = stream;
    stream.on('data', (chunk: Buffer) => this.#receive(chunk));
    stream.on('error', (error) => this.#end(new DnsError(`the connection broke: ${error.message}`, { cause: error })));
    for (const event of ['end', 'close']) {
      stream.on(event, () => this.#end(new DnsError('the server ended the connection')));
    }
  }

  /** @throws DnsError when the stream ends before the answer, or what comes is no DNS; the signal's reason */
  async ask(question: DnsQuestion, signal: AbortSignal): Promise<DnsResponse> {
    signal.throwIfAborted();
    if (this.#ended !== null) throw this.#ended;
    const id = this.#nextId++ % 0x1_00_00;
    const { promise, resolve, reject } = Promise.withResolvers<DnsResponse>();
    const stop = (): void => reject(signal.reason);
    signal.addEventListener('abort', stop, { once: true });
    this.#waiting.set(id, { question, resolve, reject });
    this.#stream.write(framed(question, id));
    try {
      return await promise;
    } finally {
      signal.removeEventListener('abort', stop);
      this.#waiting.delete(id);
    }
  }

  close(): void {
    this.#end(new DnsError('the connection was closed'));
  }

  #receive(chunk: Buffer): void {
    this.#received = this.#received.length === 0 ? chunk : Buffer.concat([this.#received, chunk]);
    while (this.#received.length >= LENGTH_BYTES) {
      const end = LENGTH_BYTES + this.#received.readUInt16BE(0);
      if (this.#received.length < end) return;
      const message = this.#received.subarray(LENGTH_BYTES, end);
      this.#received = this.#received.subarray(end);
      this.#accept(message);
    }
  }

  /** An answer nobody waits for is left alone: it comes after its time is over. */
  #accept(message: Buffer): void {
    let packet: DecodedPacket;
    try {
      packet = decode(message);
    } catch (error) {
      this.#end(new DnsError('the server answered with something that is no DNS message', { cause: error }));
      return;
    }
    const waiting = this.#waiting.get(packet.id ?? -1);
    if (waiting === undefined || packet.type !== 'response' || !isAbout(packet, waiting.question)) return;
    waiting.resolve(responseOf(packet));
  }

  #end(error: DnsError): void {
    if (this.#ended !== null) return;
    this.#ended = error;
    for (const { reject } of this.#waiting.values()) reject(error);
    this.#stream.destroy();
  }
}

/**
 * CoreDNS' cache keeps answers for clients that ask for DNSSEC apart (plugin/cache, `hash`), and pods ask without: so what
 * comes is not what somebody's question has left there.
 */
const FRESH: OptAnswer = {
  type: 'OPT',
  name: '.',
  udpPayloadSize: 1232,
  extendedRcode: 0,
  ednsVersion: 0,
  flags: DNSSEC_OK,
  flag_do: true,
  options: [],
};

function framed({ name, type }: DnsQuestion, id: number): Buffer {
  const questions = [{ name, type }];
  const message = encode({ type: 'query', id, flags: RECURSION_DESIRED, questions, additionals: [FRESH] });
  const length = Buffer.alloc(LENGTH_BYTES);
  length.writeUInt16BE(message.length);
  return Buffer.concat([length, message]);
}

/** A server that refuses the format of a question may leave it out of its answer. */
function isAbout({ questions = [] }: DecodedPacket, { name, type }: DnsQuestion): boolean {
  const [asked] = questions;
  return asked === undefined || (asked.type === type && plainName(asked.name) === plainName(name));
}

function responseOf({ flags = 0, answers = [], authorities = [] }: DecodedPacket): DnsResponse {
  const code = flags & 0xf;
  const authority = authorities.find((record) => record.type === 'SOA');
  return {
    rcode: RCODES[code] ?? `RCODE${code}`,
    truncated: (flags & TRUNCATED_RESPONSE) !== 0,
    answers: answers.flatMap(recordOf),
    negativeTtl: authority?.ttl ?? null,
  };
}

/** Records of the types that are asked for; what else comes with them (signatures, options) is nothing for a pod. */
function recordOf(answer: Answer): readonly DnsRecord[] {
  switch (answer.type) {
    case 'A':
    case 'AAAA':
    case 'CNAME':
    case 'PTR':
      return [{ name: answer.name, type: answer.type, ttl: answer.ttl ?? 0, data: answer.data }];
    default:
      return [];
  }
}
