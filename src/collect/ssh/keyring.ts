import type { ParsedKey } from 'ssh2';
import ssh2 from 'ssh2';
import { questions, type Questions } from '../questions.ts';
import type { Terminal } from '../terminal.ts';
import type { ResolvedHost } from './resolved-host.ts';

/** A private key file that only its passphrase opens. */
export interface LockedKey {
  readonly file: string;
  readonly text: string;
  /** Null: only the passphrase tells it (PEM without a `.pub` beside it). */
  readonly publicKey: ParsedKey | null;
}

/** The key, or why there is none, in words. */
export type Unlocked = { readonly key: ParsedKey } | { readonly key: null; readonly why: string };

/** As OpenSSH (NumberOfPasswordPrompts). */
const MOST_QUESTIONS = 3;

/** Keys that a person has opened: each file is asked for once, however many nodes want it. Passphrases are not kept. */
export class Keyring {
  readonly #questions: Questions;
  readonly #keys = new Map<string, Promise<Unlocked>>();

  constructor(whom: Questions = questions) {
    this.#questions = whom;
  }

  async unlock(locked: LockedKey, signal: AbortSignal): Promise<Unlocked> {
    const known = this.#keys.get(locked.file);
    if (known !== undefined) return known;
    const asking = this.#ask(locked, signal);
    this.#keys.set(locked.file, asking);
    return asking;
  }

  async #ask(locked: LockedKey, signal: AbortSignal): Promise<Unlocked> {
    const answer = await this.#questions.talk(async (terminal) => askFor(locked, terminal, signal));
    return answer ?? notUnlocked(locked, 'there is no terminal to ask for it');
  }
}

/** The keys opened in this process: a second look at the nodes does not ask again. */
export const keyring = new Keyring();

/** How a key with a passphrase is opened: a person is asked. */
export type Unlock = (locked: LockedKey) => Promise<Unlocked>;

/** Asks for keys that a host needs, unless its ssh_config forbids it. */
export function unlockFor({ mayAsk }: Pick<ResolvedHost, 'mayAsk'>, keys: Keyring, signal: AbortSignal): Unlock {
  return async (locked) =>
    mayAsk ? keys.unlock(locked, signal) : notUnlocked(locked, 'BatchMode forbids to ask for it');
}

function notUnlocked({ file }: LockedKey, why: string): Unlocked {
  return { key: null, why: `${file} has a passphrase and is not in the agent, and ${why}` };
}

async function askFor(locked: LockedKey, terminal: Terminal, signal: AbortSignal): Promise<Unlocked> {
  const { file, text } = locked;
  for (let asked = 1; asked <= MOST_QUESTIONS; asked++) {
    const again = asked === 1 ? '' : 'Bad passphrase, try again: ';
    const passphrase = await terminal.readHidden(`${again}Enter passphrase for key '${file}': `, signal);
    if (passphrase === null || passphrase === '') return notUnlocked(locked, 'none was given');
    const parsed = ssh2.utils.parseKey(text, passphrase);
    const key = Array.isArray(parsed) ? parsed[0] : parsed;
    if (key !== undefined && !(key instanceof Error) && key.isPrivateKey()) return { key };
  }
  return notUnlocked(locked, `what was typed ${MOST_QUESTIONS} times is not it`);
}
