import { NodeReadError } from '../transport.ts';

/** What OpenSSH's client says for a user who is not let in, with what can be done. */
export function authenticationFailure(where: string, details: readonly string[], tryThis: string): NodeReadError {
  const notes = details.length === 0 ? '' : `: ${details.join('; ')}`;
  return new NodeReadError('authentication', `${where}: Permission denied${notes}`, tryThis);
}

/** The reading was stopped: by the user, or because the time of the node was over. */
export function stopped(signal: AbortSignal, where: string): NodeReadError {
  const reason: unknown = signal.reason;
  if (reason instanceof Error && reason.name === 'TimeoutError') return tooSlow(`${where}: no answer in time`);
  return new NodeReadError('cancelled', `${where}: stopped`, 'Run it again.');
}

export function tooSlow(message: string): NodeReadError {
  return new NodeReadError('timeout', message, 'Give it more time: --node-timeout 60s');
}

export function connectionLost(where: string, what: string): NodeReadError {
  return new NodeReadError(
    'connection-lost',
    `${where}: the connection was closed ${what}`,
    'Run it again; if it happens each time, look at the log of sshd on the node.',
  );
}

/** The server closed the connection before anybody could log in: it may have been too busy just then. */
export class LoginDropped extends NodeReadError {
  constructor(where: string, said: string | null) {
    const words = said === null ? '' : `: it says "${said}"`;
    super(
      'connection-lost',
      `${where}: the connection was closed by the server before the login${words}`,
      'Too many logins at once (MaxStartups of its sshd_config; --concurrency here), or rules about who may connect?',
    );
  }
}

export function notUnderstood(message: string, tryThis: string): NodeReadError {
  return new NodeReadError('configuration', message, tryThis);
}

/** Why a TCP connection was not made, in the words of OpenSSH's client. */
export function connectFailure(host: string, port: number, error: unknown): NodeReadError {
  const code = codeOf(error);
  const place = `connect to host ${host} port ${port}`;
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN' || code === 'EAI_NODATA' || code === 'EAI_NONAME') {
    return new NodeReadError(
      'unreachable',
      `Could not resolve hostname ${host}`,
      'Choose another address of the node with --node-address, or give it a HostName in ssh_config.',
    );
  }
  if (code === 'ECONNREFUSED') {
    return new NodeReadError(
      'refused',
      `${place}: Connection refused`,
      'Is sshd running on the node, on this port? Choose the port with --ssh-port.',
    );
  }
  if (code === 'ETIMEDOUT') return connectTimeout(host, port);
  const words = code === 'EHOSTUNREACH' ? 'No route to host' : code === 'ENETUNREACH' ? 'Network is unreachable' : null;
  const message = words ?? (error instanceof Error ? error.message : String(error));
  return new NodeReadError(
    'unreachable',
    `${place}: ${message}`,
    'Is the node up, and is there a way to it from here? A bastion is given as ProxyJump in ssh_config.',
  );
}

/** Why the hop before a host could not connect to it; the words are the hop's. */
export function forwardFailure(host: string, port: number, error: Error): NodeReadError {
  const words = error.message.replace(/^\(SSH\) Channel open failure: /, '');
  const place = `connect to host ${host} port ${port} through the hop before it`;
  if (/refused/i.test(words)) {
    const tryThis = 'Is sshd running on the node, on this port? Choose the port with --ssh-port.';
    return new NodeReadError('refused', `${place}: ${words}`, tryThis);
  }
  if (/No response from server|Not connected/.test(words)) return connectionLost(place, 'by the hop');
  const tryThis = 'The hop must reach the node, and allow it (AllowTcpForwarding in its sshd_config).';
  return new NodeReadError(/timed out/i.test(words) ? 'timeout' : 'unreachable', `${place}: ${words}`, tryThis);
}

export function connectTimeout(host: string, port: number): NodeReadError {
  return new NodeReadError(
    'timeout',
    `connect to host ${host} port ${port}: Connection timed out`,
    'Is the node up, and does a firewall let you through? A bastion is given as ProxyJump in ssh_config.',
  );
}

/** `code` of an error of Node.js; of the first one when all addresses of a name failed. */
export function codeOf(error: unknown): string | null {
  if (error instanceof AggregateError) return error.errors.map(codeOf).find((code) => code !== null) ?? null;
  if (!(error instanceof Error) || !('code' in error)) return null;
  return typeof error.code === 'string' ? error.code : null;
}
