import { execFileSync } from 'node:child_process';
import { Questions } from '../../../src/collect/questions.ts';
import { Keyring } from '../../../src/collect/ssh/keyring.ts';
import { SshLogins, type SshSettings } from '../../../src/collect/ssh/index.ts';
import { commandLine, WHO_AM_I } from '../../../src/collect/node-commands.ts';
import { NodeReadError, type Transport } from '../../../src/collect/transport.ts';

export const SIGNAL = new AbortController().signal;
export const ID = commandLine(WHO_AM_I, { dialect: 'login', isRoot: true });

/** Nobody to ask, also when tests are run at a terminal. */
export function noTerminal(): Keyring {
  return new Keyring(new Questions(() => null));
}

/** Connects to this machine, or to other addresses. */
export async function connect(
  settings: SshSettings,
  addresses: readonly string[] = ['127.0.0.1'],
  signal = SIGNAL,
  keys = noTerminal(),
): Promise<Transport> {
  const logins = new SshLogins(settings, keys);
  try {
    return closingAlso(await logins.connect({ node: 'node-1', addresses }, signal), logins);
  } catch (error) {
    await logins.close();
    throw error;
  }
}

function closingAlso(transport: Transport, logins: SshLogins): Transport {
  return {
    via: transport.via,
    dialect: transport.dialect,
    client: transport.client,
    run: async (argv, options) => transport.run(argv, options),
    close: async () => {
      await transport.close();
      await logins.close();
    },
  };
}

/** Connects, asks who it is, and closes. */
export async function whoAmI(
  settings: SshSettings,
  addresses: readonly string[] = ['127.0.0.1'],
  keys = noTerminal(),
): Promise<{ readonly client: string; readonly uid: string }> {
  const transport = await connect(settings, addresses, SIGNAL, keys);
  try {
    const { stdout, code } = await transport.run(ID, { signal: SIGNAL });
    return { client: transport.client, uid: code === 0 ? stdout.toString('utf8').trim() : `code ${String(code)}` };
  } finally {
    await transport.close();
  }
}

/** The failure of something that must not work. */
export async function failureOf(attempt: Promise<unknown>): Promise<NodeReadError> {
  try {
    await attempt;
  } catch (error) {
    if (error instanceof NodeReadError) return error;
    throw error;
  }
  throw new Error('it worked');
}

/** Command lines of `ssh` that have the text in them. */
export function processesWith(text: string): readonly string[] {
  const list = execFileSync('ps', ['-eo', 'args']).toString('utf8').split('\n');
  return list.filter((args) => args.startsWith('ssh ') && args.includes(text));
}
