/**
 * For OpenSSH's own client, before what ssh_config says: it never asks, never trusts a new host, opens nothing but the one
 * session. All of these are older than ProxyJump (OpenSSH 7.3).
 */
export const SYSTEM_OPTIONS = [
  'BatchMode=yes',
  'StrictHostKeyChecking=yes',
  'UpdateHostKeys=no',
  'ConnectTimeout=10',
  'ServerAliveInterval=10',
  'ServerAliveCountMax=3',
  'ForwardAgent=no',
  'ClearAllForwardings=yes',
  'PermitLocalCommand=no',
  'RequestTTY=no',
  'LogLevel=ERROR',
  'ControlMaster=no',
] as const;

/** ControlPath for a socket; null: no connection is shared. */
export function controlPathOption(socket: string | null): string {
  return socket === null ? 'ControlPath=none' : `ControlPath=${plainPath(socket)}`;
}

export function identityAgentOption(socket: string): string {
  return `IdentityAgent=${plainPath(socket)}`;
}

/** Without what would be expanded, or end the word. */
function plainPath(path: string): string {
  return `"${path.replaceAll('%', '%%')}"`;
}
