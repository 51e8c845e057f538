import pLimit, { type LimitFunction } from 'p-limit';
import { setTimeout as sleep } from 'node:timers/promises';
import { NodeReadError } from '../transport.ts';
import { LoginDropped, stopped } from './failures.ts';

/** Logins in progress at one server. sshd drops new ones at random from ten on (MaxStartups 10:30:100). */
const AT_ONE_SERVER = 8;
/**
 * Handshakes in progress in the whole run, everywhere: each is work for this machine, and too many at once make all of them
 * too slow.
 */
const HANDSHAKES = 16;
/** Second tries in progress in the whole run: several addresses may be one server. */
const SECOND_TRIES = 4;
const MOST_TRIES = 6;
/** Waiting before the second try, at most; it doubles with each further one. */
const FIRST_PAUSE_MS = 200;

/**
 * Lets only so many logins begin at the same time: a server drops those that are too many, which looks like a broken network.
 * A login that was dropped is tried again, a little later, and its server gets half as many from then on.
 */
export class LoginGates {
  readonly #servers = new Map<string, LimitFunction>();
  readonly #secondTries = pLimit(SECOND_TRIES);
  readonly #handshakes = pLimit(HANDSHAKES);

  /**
   * @param server what all logins have in common that go to the same sshd first
   * @throws what `login` throws; {@link LoginDropped} only after several tries
   */
  async pass<T>(server: string, login: () => Promise<T>, signal: AbortSignal): Promise<T> {
    const gate = this.#gateOf(server);
    const again = async (): Promise<T> => inTurn(this.#secondTries, login, signal, server);
    for (let tries = 1; ; tries++) {
      try {
        return await inTurn(gate, tries === 1 ? login : again, signal, server);
      } catch (error) {
        if (!(error instanceof LoginDropped)) throw error;
        if (tries === MOST_TRIES || signal.aborted) throw afterTries(error, tries);
        gate.concurrency = Math.max(1, Math.floor(gate.concurrency / 2));
        await pause(FIRST_PAUSE_MS * 2 ** (tries - 1), signal);
      }
    }
  }

  /** From the first word to a server, which is connected, to the end of the login. `server` as in {@link pass}. */
  async handshake<T>(server: string, work: () => Promise<T>, signal: AbortSignal): Promise<T> {
    return inTurn(this.#handshakes, work, signal, server);
  }

  #gateOf(server: string): LimitFunction {
    const known = this.#servers.get(server);
    if (known !== undefined) return known;
    const gate = pLimit(AT_ONE_SERVER);
    this.#servers.set(server, gate);
    return gate;
  }
}

/** Waiting ends when stopped; what has begun ends by itself. */
async function inTurn<T>(
  limit: LimitFunction,
  work: () => Promise<T>,
  signal: AbortSignal,
  server: string,
): Promise<T> {
  return new Promise((resolve, reject) => {
    const leave = (): void => reject(stopped(signal, server));
    signal.addEventListener('abort', leave);
    void limit(async () => {
      signal.removeEventListener('abort', leave);
      if (signal.aborted) leave();
      else await work().then(resolve, reject);
    });
  });
}

/** At random, so that those who were dropped together do not come back together. Over at once when stopped. */
async function pause(longestMs: number, signal: AbortSignal): Promise<void> {
  await sleep(Math.random() * longestMs, undefined, { signal }).catch(() => undefined);
}

function afterTries({ reason, message, tryThis }: LoginDropped, tries: number): NodeReadError {
  return new NodeReadError(reason, tries === 1 ? message : `${message}, ${tries} times`, tryThis);
}
