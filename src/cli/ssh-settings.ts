import type { NodeAddressType } from '../collect/node-address.ts';
import type { SshSettings } from '../collect/ssh/index.ts';
import type { EvidenceFlags } from './evidence.ts';
import { withoutUndefined } from './without-undefined.ts';

/** How to log in, as far as flags say. */
export function sshSettings(flags: EvidenceFlags): SshSettings {
  return withoutUndefined({
    user: flags['ssh-user'],
    keys: flags['ssh-key'],
    port: flags['ssh-port'],
    config: flags['ssh-config'],
  });
}

/** null: the usual order. */
export function addressType(text: string | undefined): NodeAddressType | null {
  switch (text) {
    case 'InternalIP':
    case 'ExternalIP':
    case 'Hostname':
    case 'InternalDNS':
    case 'ExternalDNS':
    case 'NodeName':
      return text;
    default:
      return null;
  }
}
