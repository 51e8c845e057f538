import { connectSsh, type SshSettings } from '../../../src/collect/ssh/index.ts';
import { commandLine, WHO_AM_I } from '../../../src/collect/node-commands.ts';
import { NodeReadError, type Transport } from '../../../src/collect/transport.ts';

export const SIGNAL = new AbortController().signal;
export const ID = commandLine(WHO_AM_I, { dialect: 'login', isRoot: true });

/** Connects to this machine, or to other addresses. */
export async function connect(
  settings: SshSettings,
  addresses: readonly string[] = ['127.0.0.1'],
  signal = SIGNAL,
): Promise<Transport> {
  return connectSsh({ node: 'node-1', addresses }, settings, signal);
}

/** Connects, asks who it is, and closes. */
export async function whoAmI(
  settings: SshSettings,
  addresses: readonly string[] = ['127.0.0.1'],
): Promise<{ readonly client: string; readonly uid: string }> {
  const transport = await connect(settings, addresses);
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
