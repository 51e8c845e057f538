import type { AnyAuthMethod, AuthenticationType, ParsedKey } from 'ssh2';
import { BaseAgent } from 'ssh2';
import type { IdentityCallback, SigningRequestOptions, SignCallback } from 'ssh2';
import type { NodeReadError } from '../transport.ts';
import { authenticationFailure } from './failures.ts';
import type { Identities } from './identities.ts';
import type { LockedKey, Unlock } from './keyring.ts';
import type { ResolvedHost } from './resolved-host.ts';

/** What is offered to the server, one after the other, each once. */
export interface Login {
  /** The next thing to offer; null: nothing is left. */
  next(methodsLeft: readonly AuthenticationType[] | null): Promise<AnyAuthMethod | null>;
  /** What to say when nothing was good enough. */
  failure(where: string, byHand: string): NodeReadError;
}

/** An offer, made when it is its turn; null: it turned out to be none. */
type Offer = () => Promise<AnyAuthMethod | null>;

/** Keys with a passphrase come last: nobody is asked when another key will do. */
export function loginWith(host: ResolvedHost, identities: Identities, unlock: Unlock): Login {
  const username = host.user;
  const { agent, agentKeys, keys, locked } = identities;
  /** Why a key stayed locked, by its file. */
  const whyLocked = new Map<string, string>();
  const unlockAndNote = async (key: LockedKey): Promise<ParsedKey | null> => {
    const unlocked = await unlock(key);
    if (unlocked.key === null) whyLocked.set(key.file, unlocked.why);
    return unlocked.key;
  };
  const offer =
    (method: AnyAuthMethod): Offer =>
    async () =>
      Promise.resolve(method);
  const queue: Offer[] = [
    offer({ type: 'none', username }),
    ...(agent === null || agentKeys.length === 0
      ? []
      : [offer({ type: 'agent', username, agent: new ChosenKeysAgent(agent, agentKeys) })]),
    ...keys.map(({ key }) => offer({ type: 'publickey', username, key })),
    ...locked.map((key) => offerLocked(username, key, unlockAndNote)),
  ];
  let accepted: readonly string[] = [];
  return {
    next: async (methodsLeft) => {
      if (methodsLeft !== null) accepted = methodsLeft;
      if (accepted.length > 0 && !accepted.includes('publickey')) return null;
      for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
        const method = await next();
        if (method !== null) return method;
      }
      return null;
    },
    failure: (where, byHand) => failureOf(`${username}@${where}`, { identities, whyLocked, accepted }, byHand),
  };
}

/** The passphrase is asked for when the server would take the key; at once where only the passphrase tells which key it is. */
function offerLocked(
  username: string,
  locked: LockedKey,
  unlock: (locked: LockedKey) => Promise<ParsedKey | null>,
): Offer {
  return async () => {
    if (locked.publicKey !== null) {
      const agent = new LockedKeyAgent(locked.publicKey, async () => unlock(locked));
      return { type: 'agent', username, agent };
    }
    const key = await unlock(locked);
    return key === null ? null : { type: 'publickey', username, key };
  };
}

interface Attempt {
  readonly identities: Identities;
  readonly whyLocked: ReadonlyMap<string, string>;
  readonly accepted: readonly string[];
}

function failureOf(where: string, { identities, whyLocked, accepted }: Attempt, byHand: string): NodeReadError {
  const { agentKeys, keys, locked, notes } = identities;
  const wasOpened = locked.filter(({ file }) => !whyLocked.has(file));
  const offered = [
    ...(agentKeys.length === 0 ? [] : [`${agentKeys.length} key${agentKeys.length === 1 ? '' : 's'} of the agent`]),
    ...[...keys, ...wasOpened].map(({ file }) => file),
  ];
  const details = [
    ...(accepted.length === 0 ? [] : [`the server takes ${accepted.join(', ')}`]),
    offered.length === 0 ? 'there was no key to offer' : `offered: ${offered.join(', ')}`,
    ...whyLocked.values(),
    ...notes,
  ];
  const [stillLocked] = whyLocked.keys();
  return authenticationFailure(where, details, whatToTry(stillLocked, accepted, byHand));
}

function whatToTry(locked: string | undefined, accepted: readonly string[], byHand: string): string {
  if (locked !== undefined) return `ssh-add ${locked}`;
  if (accepted.length > 0 && !accepted.includes('publickey')) {
    return (
      'Passwords are never asked for: let the server take keys (PubkeyAuthentication), or log in by hand with a ' +
      'ControlPath in ssh_config: that connection is then used.'
    );
  }
  return `Choose the user and key with --ssh-user and --ssh-key; \`${byHand}\` must get in without a question.`;
}

/** Shows the server one key, and asks for its passphrase when a signature is wanted. */
class LockedKeyAgent extends BaseAgent<ParsedKey> {
  readonly #publicKey: ParsedKey;
  readonly #unlock: () => Promise<ParsedKey | null>;

  constructor(publicKey: ParsedKey, unlock: () => Promise<ParsedKey | null>) {
    super();
    this.#publicKey = publicKey;
    this.#unlock = unlock;
  }

  override getIdentities(callback: IdentityCallback<ParsedKey>): void {
    callback(null, [this.#publicKey]);
  }

  override sign(key: ParsedKey, data: Buffer, options: SigningRequestOptions, callback?: SignCallback): void;
  override sign(key: ParsedKey, data: Buffer, callback: SignCallback): void;
  override sign(
    _key: ParsedKey,
    data: Buffer,
    options: SigningRequestOptions | SignCallback,
    callback?: SignCallback,
  ): void {
    const answer = typeof options === 'function' ? options : callback;
    const hash = typeof options === 'function' ? undefined : options.hash;
    void this.#unlock().then((key) => {
      const signature = key?.sign(data, hash) ?? new Error('the key stays locked');
      if (signature instanceof Error) answer?.(signature);
      else answer?.(null, signature);
    });
  }
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
