import type { Duplex } from 'node:stream';
import { Client } from 'ssh2';
import { NodeReadError } from '../transport.ts';
import { codeOf, connectFailure, connectionLost, LoginDropped, stopped, tooSlow } from './failures.ts';
import { FirstWords, isSshdTooBusy } from './first-words.ts';
import type { HostKeyCheck } from './host-key.ts';
import type { Login } from './login.ts';
import type { ResolvedHost } from './resolved-host.ts';

/** ssh2 and the server have nothing in common for the encryption; OpenSSH's own client may. */
export class NoCommonAlgorithm extends Error {
  override readonly name = 'NoCommonAlgorithm';
}

/** All that is needed to log in to one host over a connection to it. */
export interface LoginRequest {
  readonly host: ResolvedHost;
  readonly check: HostKeyCheck;
  readonly login: Login;
  readonly stream: Duplex;
  /** The command with which a person would log in. */
  readonly byHand: string;
  readonly signal: AbortSignal;
}

/**
 * Logs in with ssh2. The stream is ended when it does not work.
 * @throws NodeReadError, or {@link NoCommonAlgorithm}
 */
export async function logIn(request: LoginRequest): Promise<Client> {
  const client = new Client();
  // After the login there is nobody left to tell: commands notice by themselves.
  client.on('error', () => undefined);
  const { signal, stream } = request;
  let stopListening = (): void => undefined;
  try {
    await new Promise<void>((resolve, reject) => {
      const onAbort = (): void => reject(stopped(signal, placeOf(request.host)));
      stopListening = () => signal.removeEventListener('abort', onAbort);
      signal.addEventListener('abort', onAbort);
      if (signal.aborted) return onAbort();
      start(client, request, resolve, reject);
    });
  } catch (error) {
    client.destroy();
    stream.destroy();
    throw error;
  } finally {
    stopListening();
  }
  return client;
}

function start(client: Client, request: LoginRequest, resolve: () => void, reject: (error: Error) => void): void {
  const { host, check, login, byHand } = request;
  const place = placeOf(host);
  const timer = setTimeout(
    () => reject(tooSlow(`${place}: connected, but no SSH greeting and key exchange in time`)),
    host.connectTimeoutMs,
  );
  // A hop's stream may end without a word: this must not keep the program running.
  timer.unref();
  const words = new FirstWords(request.stream);
  let hasHandshake = false;
  // Not tried again after the handshake: who is thrown out while showing keys may lock the account by it.
  const closed = (): NodeReadError =>
    hasHandshake ? connectionLost(place, 'during the login') : closedEarly(place, words.foreign);
  client.once('handshake', () => {
    hasHandshake = true;
    clearTimeout(timer);
  });
  client.once('ready', resolve);
  client.once('close', () => {
    clearTimeout(timer);
    reject(closed());
  });
  client.on('error', (error) => {
    // An agent does not sign with this key: the next one is offered.
    if ('level' in error && error.level === 'agent') return;
    clearTimeout(timer);
    reject(
      /Too many authentication failures/i.test(error.message)
        ? tooManyKeys(host)
        : loginError(error, host, words.foreign, closed),
    );
  });
  try {
    client.connect({
      sock: request.stream,
      username: host.user,
      readyTimeout: 0,
      keepaliveInterval: host.keepaliveIntervalMs,
      keepaliveCountMax: 3,
      algorithms: { serverHostKey: [...check.algorithms] },
      hostVerifier: (key: Buffer) => {
        const problem = check.verify(key);
        if (problem !== null) reject(problem);
        return problem === null;
      },
      authHandler: (methodsLeft, _isPartial, next) => {
        login.next(methodsLeft).then((method) => {
          if (method === null) reject(login.failure(place, byHand));
          else next(method);
        }, reject);
      },
    });
  } catch (error) {
    clearTimeout(timer);
    reject(loginError(error, host, null, closed));
  }
}

/** @param said the first line of a server that has not greeted as SSH does */
function closedEarly(place: string, said: string | null): NodeReadError {
  if (said === null || isSshdTooBusy(said)) return new LoginDropped(place, said);
  return notSsh(place, `it says "${said}"`);
}

function notSsh(place: string, why: string): NodeReadError {
  const words = `${place}: what answers there does not speak SSH 2 (${why})`;
  return new NodeReadError('unreachable', words, 'Choose the port of sshd: --ssh-port');
}

function tooManyKeys(host: ResolvedHost): NodeReadError {
  return new NodeReadError(
    'authentication',
    `${host.user}@${placeOf(host)}: Too many authentication failures: the agent has more keys than the server looks at`,
    'Name the key in ssh_config: IdentityFile and IdentitiesOnly yes.',
  );
}

function placeOf(host: ResolvedHost): string {
  return `${host.hostName} port ${host.port}`;
}

/** @param closed what a connection that broke means, by when it did */
function loginError(error: unknown, host: ResolvedHost, said: string | null, closed: () => NodeReadError): Error {
  const message = error instanceof Error ? error.message : String(error);
  const place = placeOf(host);
  if (/no matching/i.test(message)) return new NoCommonAlgorithm(message.replace(/^Handshake failed: /, ''));
  if (/lost before handshake/i.test(message)) return closed();
  if (codeOf(error) === 'ECONNRESET' || codeOf(error) === 'EPIPE') return closed();
  if (codeOf(error) !== null) return connectFailure(host.hostName, host.port, error);
  if (/Keepalive timeout/.test(message)) return tooSlow(`${place}: ${message}`);
  if (/identification string|header line|greeting lines|expected newline/i.test(message)) {
    return notSsh(place, said === null ? message : `it says "${said}"`);
  }
  return new NodeReadError('connection-lost', `${place}: ${message}`, 'Run it again; `ssh -v` may tell more.');
}
