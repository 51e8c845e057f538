import { connect, type Socket } from 'node:net';
import { connectFailure, connectTimeout, stopped } from './failures.ts';
import type { ResolvedHost } from './resolved-host.ts';

/**
 * A TCP connection to a host.
 * @throws NodeReadError when there is none in time
 */
export async function openSocket(host: ResolvedHost, signal: AbortSignal): Promise<Socket> {
  const { hostName, port, family, bindAddress, connectTimeoutMs } = host;
  const socket = connect({
    host: hostName,
    port,
    family,
    noDelay: true,
    ...(bindAddress === null ? {} : { localAddress: bindAddress }),
  });
  try {
    await new Promise<void>((resolve, reject) => {
      const timer = setTimeout(() => reject(connectTimeout(hostName, port)), connectTimeoutMs);
      const onAbort = (): void => reject(stopped(signal, hostName));
      const settle = (): void => {
        clearTimeout(timer);
        signal.removeEventListener('abort', onAbort);
      };
      if (signal.aborted) onAbort();
      signal.addEventListener('abort', onAbort);
      socket.once('close', settle);
      socket.once('error', (error) => reject(connectFailure(hostName, port, error)));
      socket.once('connect', () => {
        settle();
        resolve();
      });
    });
  } catch (error) {
    socket.on('error', () => undefined);
    socket.destroy();
    throw error;
  }
  return socket;
}
