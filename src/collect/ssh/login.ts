import type { AnyAuthMethod, AuthenticationType, ParsedKey } from 'ssh2';
import { BaseAgent } from 'ssh2';
import type { IdentityCallback, SigningRequestOptions, SignCallback } from 'ssh2';
import type { NodeReadError } from '../transport.ts';
import { authenticationFailure } from './failures.ts';
import type { Identities } from './identities.ts';
import type { ResolvedHost } from './resolved-host.ts';

/** What is offered to the server, one after the other, each once. */
export interface Login {
  /** The next thing to offer; null: nothing is left. */
  next(methodsLeft: readonly AuthenticationType[] | null): AnyAuthMethod | null;
  /** What to say when nothing was good enough. */
  failure(where: string, byHand: string): NodeReadError;
}

export function loginWith(host: ResolvedHost, identities: Identities): Login {
  const username = host.user;
  const queue: AnyAuthMethod[] = [{ type: 'none', username }];
  const { agent, agentKeys, keys } = identities;
  if (agent !== null && agentKeys.length > 0) {
    queue.push({ type: 'agent', username, agent: new ChosenKeysAgent(agent, agentKeys) });
  }
  for (const { key } of keys) queue.push({ type: 'publickey', username, key });
  let accepted: readonly string[] = [];
  return {
    next: (methodsLeft) => {
      if (methodsLeft !== null) accepted = methodsLeft;
      const takesNoKey = accepted.length > 0 && !accepted.includes('publickey');
      return takesNoKey ? null : (queue.shift() ?? null);
    },
    failure: (where, byHand) => failureOf(`${username}@${where}`, identities, accepted, byHand),
  };
}

function failureOf(where: string, identities: Identities, accepted: readonly string[], byHand: string): NodeReadError {
  const { agentKeys, keys, locked, notes } = identities;
  const offered = [
    ...(agentKeys.length === 0 ? [] : [`${agentKeys.length} key${agentKeys.length === 1 ? '' : 's'} of the agent`]),
    ...keys.map(({ file }) => file),
  ];
  const details = [
    ...(accepted.length === 0 ? [] : [`the server takes ${accepted.join(', ')}`]),
    offered.length === 0 ? 'there was no key to offer' : `offered: ${offered.join(', ')}`,
    ...locked.map((file) => `${file} has a passphrase and is not in the agent`),
    ...notes,
  ];
  return authenticationFailure(where, details, whatToTry(locked[0], accepted, byHand));
}

function whatToTry(locked: string | undefined, accepted: readonly string[], byHand: string): string {
  if (locked !== undefined) return `ssh-add ${locked}`;
  if (accepted.length > 0 && !accepted.includes('publickey')) {
    return 'Passwords are never asked for: let the server take keys (PubkeyAuthentication), and give it yours.';
  }
  return `Choose the user and key with --ssh-user and --ssh-key; \`${byHand}\` must get in without a question.`;
}

/** Shows the server only some keys of an agent, in the order wanted. */
class ChosenKeysAgent extends BaseAgent<ParsedKey> {
  readonly #agent: BaseAgent;
  readonly #keys: readonly ParsedKey[];

  constructor(agent: BaseAgent, keys: readonly ParsedKey[]) {
    super();
    this.#agent = agent;
    this.#keys = keys;
  }

  override getIdentities(callback: IdentityCallback<ParsedKey>): void {
    callback(null, [...this.#keys]);
  }

  override sign(key: ParsedKey, data: Buffer, options: SigningRequestOptions, callback?: SignCallback): void;
  override sign(key: ParsedKey, data: Buffer, callback: SignCallback): void;
  override sign(
    key: ParsedKey,
    data: Buffer,
    options: SigningRequestOptions | SignCallback,
    callback?: SignCallback,
  ): void {
    if (typeof options === 'function') this.#agent.sign(key, data, options);
    else this.#agent.sign(key, data, options, callback);
  }
}
