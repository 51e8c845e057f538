import type { Duplex } from 'node:stream';
import type { DnsAnswer, DnsQuestion } from '../../model/dns.ts';
import { DnsStream } from './dns-stream.ts';

/** Opens a stream to one server's TCP port for DNS. */
export type OpenDns = (signal: AbortSignal) => Promise<Duplex>;

export interface AskOptions {
  /** Milliseconds for an answer, and for a connection to open. */
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
  readonly now: () => Date;
}

/** So many questions go over one connection: some servers end it after a hundred and more (miekg/dns: 128). */
const PER_CONNECTION = 100;

/** A connection that breaks is opened once more, for what is left of its questions. */
const ATTEMPTS = 2;

/**
 * Asks one server; there is an answer, or an error, for each question, in their order. A server takes the questions of a
 * connection one after the other, so that many of them are no load for it.
 * @throws the signal's reason
 */
export async function askServer(
  server: string,
  open: OpenDns,
  questions: readonly DnsQuestion[],
  options: AskOptions,
): Promise<readonly DnsAnswer[]> {
  const attempts: Attempt[] = [];
  for (let start = 0; start < questions.length; start += PER_CONNECTION) {
    const batch = await askBatch(open, questions.slice(start, start + PER_CONNECTION), options);
    attempts.push(...batch);
    const [first] = batch;
    // One that answers nothing at all will not begin with the next hundred.
    if (first !== undefined && batch.every(({ answer }) => answer.response === null)) {
      const rest = questions.slice(start + PER_CONNECTION);
      attempts.push(...rest.map((question) => failed(question, first.answer.error ?? '', options)));
      break;
    }
  }
  return attempts.map(({ answer }) => ({ server, ...answer }));
}

interface Attempt {
  readonly answer: Omit<DnsAnswer, 'server'>;
  /** The connection is to blame, not the question. */
  readonly broken: boolean;
}

async function askBatch(
  open: OpenDns,
  questions: readonly DnsQuestion[],
  options: AskOptions,
): Promise<readonly Attempt[]> {
  const made = new Map<DnsQuestion, Attempt>();
  let left = questions;
  for (let attempt = 0; attempt < ATTEMPTS && left.length > 0; attempt++) {
    const results = await askOnce(open, left, options);
    left.forEach((question, index) => {
      const result = results[index];
      if (result !== undefined) made.set(question, result);
    });
    left = left.filter((question) => made.get(question)?.broken === true);
  }
  return [...made.values()];
}

async function askOnce(
  open: OpenDns,
  questions: readonly DnsQuestion[],
  options: AskOptions,
): Promise<readonly Attempt[]> {
  const { signal, timeoutMs } = options;
  let stream: DnsStream;
  try {
    stream = new DnsStream(await open(AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)])));
  } catch (error) {
    signal.throwIfAborted();
    return questions.map((question) => failed(question, wordsOf(error, timeoutMs), options, true));
  }
  try {
    return await Promise.all(questions.map(async (question) => askOne(stream, question, options)));
  } finally {
    stream.close();
  }
}

async function askOne(stream: DnsStream, question: DnsQuestion, options: AskOptions): Promise<Attempt> {
  const { signal, timeoutMs, now } = options;
  const timeout = AbortSignal.timeout(timeoutMs);
  try {
    const response = await stream.ask(question, AbortSignal.any([signal, timeout]));
    return { answer: { ...question, at: now().toISOString(), response, error: null }, broken: false };
  } catch (error) {
    signal.throwIfAborted();
    return failed(question, wordsOf(error, timeoutMs), options, !timeout.aborted);
  }
}

function failed(question: DnsQuestion, error: string, { now }: AskOptions, broken = false): Attempt {
  return { answer: { ...question, at: now().toISOString(), response: null, error }, broken };
}

function wordsOf(error: unknown, timeoutMs: number): string {
  if (error instanceof DOMException && error.name === 'TimeoutError') return `no answer within ${timeoutMs / 1000} s`;
  return error instanceof Error ? error.message : String(error);
}
