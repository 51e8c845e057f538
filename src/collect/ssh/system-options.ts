/**
 * For OpenSSH's own client, before what ssh_config says: it never asks, never trusts a new host, opens nothing but the one
 * session. No connection is shared with other programs (ControlMaster): one that is there may have been opened without a
 * look at the host key, and one that we opened would outlive us. All of these are older than ProxyJump (OpenSSH 7.3).
 */
export const SYSTEM_OPTIONS = [
  'BatchMode=yes',
  'StrictHostKeyChecking=yes',
  'UpdateHostKeys=no',
  'ControlMaster=no',
  'ControlPath=none',
  'ConnectTimeout=10',
  'ServerAliveInterval=10',
  'ServerAliveCountMax=3',
  'ForwardAgent=no',
  'ClearAllForwardings=yes',
  'PermitLocalCommand=no',
  'RequestTTY=no',
  'LogLevel=ERROR',
] as const;
