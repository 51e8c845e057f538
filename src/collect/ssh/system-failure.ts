import { NodeReadError } from '../transport.ts';
import type { NodeFailureReason } from '../../model/snapshot.ts';
import { LoginDropped } from './failures.ts';

interface Meaning {
  /** Extended regular expression, without regard to case. */
  readonly pattern: string;
  readonly reason: NodeFailureReason;
  readonly tryThis: (byHand: string) => string;
}

/** The words of OpenSSH's client, the more telling first. Also for the script of `collect --print-script`. */
export const MEANINGS: readonly Meaning[] = [
  {
    pattern: 'HOST IDENTIFICATION HAS CHANGED|REVOKED HOST KEY|host key .*revoked',
    reason: 'host-key-changed',
    tryThis: () => 'Reinstalled, or somebody in between? When the new key is right: ssh-keygen -R HOST',
  },
  {
    pattern: 'No [^ ]+ host key is known|Host key verification failed',
    reason: 'host-key-unknown',
    tryThis: (byHand) => `Record the key by logging in once, after comparing the fingerprint: ${byHand}`,
  },
  {
    pattern: 'Permission denied|Too many authentication failures',
    reason: 'authentication',
    tryThis: (byHand) => `\`${byHand}\` must get in without a question; a key with a passphrase: ssh-add`,
  },
  {
    pattern: 'Connection refused',
    reason: 'refused',
    tryThis: () => 'Is sshd running on the node, on this port? Choose the port with --ssh-port.',
  },
  {
    pattern: 'timed out|Timeout, server',
    reason: 'timeout',
    tryThis: () => 'Is the node up, and does a firewall let you through?',
  },
  {
    pattern: 'Could not resolve hostname|No route to host|Network is unreachable',
    reason: 'unreachable',
    tryThis: () => 'Is the node up, and is there a way to it from here? Choose the address with --node-address.',
  },
  {
    pattern: 'Unable to negotiate|no matching .* found',
    reason: 'configuration',
    tryThis: () =>
      'Allow one of those in ssh_config (KexAlgorithms, HostKeyAlgorithms, Ciphers, MACs), or in sshd_config.',
  },
  {
    pattern: 'banner line contains invalid|Bad remote protocol version|Protocol major versions differ',
    reason: 'unreachable',
    tryThis: () => 'What answers there does not speak SSH 2. Choose the port of sshd: --ssh-port',
  },
  {
    pattern: 'Bad configuration option|Bad owner or permissions|terminating, [0-9]+ bad',
    reason: 'configuration',
    tryThis: () => 'Correct ssh_config.',
  },
];

/** Closed before the keys were exchanged: nobody was asked who he is. */
const DROPPED = /^\S*exchange_identification: .*(closed by remote host|reset by peer).*$/im;

/** `ssh` ended without a word: for much that ends a connection it has none, not even at the log level for errors. */
export class SaidNothing extends NodeReadError {}

/** A failure of `ssh` itself, from what it said. */
export function systemFailure(stderr: string, host: string, byHand: string): NodeReadError {
  const lines = stderr.split(/\r?\n/).filter((line) => line.trim() !== '' && !/^@+/.test(line));
  const verbose = `See what this says: ${byHand.replace(/^ssh/, 'ssh -v')}`;
  const last = lines.at(-1);
  if (last === undefined) {
    const words = `${host}: ssh ended with 255 and said nothing: the command was killed, or the connection is lost`;
    return new SaidNothing('connection-lost', words, verbose);
  }
  const meaning = MEANINGS.find(({ pattern }) => new RegExp(pattern, 'i').test(stderr));
  const telling = meaning && lines.find((line) => new RegExp(meaning.pattern, 'i').test(line));
  const words = (telling ?? last).trim();
  const prints = /SHA256:\S+/.exec(stderr)?.[0].replace(/\.$/, '');
  const message = `${host}: ${words}${prints !== undefined && !words.includes(prints) ? ` (${prints})` : ''}`;
  if (meaning !== undefined) return new NodeReadError(meaning.reason, message, meaning.tryThis(byHand));
  const [dropped] = DROPPED.exec(stderr) ?? [];
  return dropped === undefined
    ? new NodeReadError('connection-lost', message, verbose)
    : new LoginDropped(host, dropped.trim());
}
