import { connect } from 'node:net';
import type { BaseAgent, ParsedKey } from 'ssh2';
import ssh2 from 'ssh2';
import { framed, IDENTITIES_ANSWER, Messages, REQUEST_IDENTITIES } from './agent-messages.ts';
import { keyType } from './known-hosts.ts';

/** What an agent holds. */
export interface AgentContents {
  /** Null: there is none, or it does not answer. */
  readonly agent: BaseAgent | null;
  /** Keys that ssh2 can offer. */
  readonly keys: readonly ParsedKey[];
  /** What it holds and ssh2 cannot offer, in words; null: nothing. */
  readonly unsupported: string | null;
  /** Why it cannot be used, in words; null: it can. */
  readonly problem: string | null;
}

const NOTHING: AgentContents = { agent: null, keys: [], unsupported: null, problem: null };
const AGENT_TIMEOUT_MS = 5000;
/** As OpenSSH: more is no answer of an agent. */
const ANSWER_LIMIT = 256 * 1024;

/** Asks an agent for its keys. ssh2 passes over those it does not know, so the question is asked here. */
export async function readAgent(socket: string | null, signal: AbortSignal): Promise<AgentContents> {
  if (socket === null) return NOTHING;
  try {
    const blobs = parseIdentities(await ask(socket, signal));
    const types = blobs.map((blob) => keyType(blob) ?? '');
    return {
      agent: ssh2.createAgent(socket),
      keys: blobs.flatMap(parseBlob),
      unsupported: types.some((type) => type.includes('-cert-v'))
        ? 'user certificate in the agent'
        : types.some((type) => type.startsWith('sk-'))
          ? 'security key in the agent'
          : null,
      problem: null,
    };
  } catch (error) {
    return { ...NOTHING, problem: `agent ${socket}: ${error instanceof Error ? error.message : String(error)}` };
  }
}

function parseBlob(blob: Buffer): readonly ParsedKey[] {
  const parsed = ssh2.utils.parseKey(blob);
  return parsed instanceof Error ? [] : Array.isArray(parsed) ? parsed.slice(0, 1) : [parsed];
}

/** The agent's answer, without its length. */
async function ask(path: string, signal: AbortSignal): Promise<Buffer> {
  const socket = connect({ path });
  const patience = AbortSignal.any([signal, AbortSignal.timeout(AGENT_TIMEOUT_MS)]);
  const onAbort = (): void => void socket.destroy(new Error('no answer in time'));
  patience.addEventListener('abort', onAbort);
  if (patience.aborted) onAbort();
  socket.on('connect', () => socket.write(framed(Buffer.from([REQUEST_IDENTITIES]))));
  const messages = new Messages(ANSWER_LIMIT);
  try {
    for await (const chunk of socket) {
      if (!(chunk instanceof Buffer)) continue;
      const [answer] = messages.add(chunk);
      if (answer !== undefined) return answer;
    }
    throw new Error('closed the connection');
  } finally {
    patience.removeEventListener('abort', onAbort);
    socket.destroy();
  }
}

/** @throws Error for what is no list of keys */
function parseIdentities(answer: Buffer): readonly Buffer[] {
  if (answer[0] !== IDENTITIES_ANSWER || answer.length < 5) throw new Error('does not list its keys');
  const count = answer.readUInt32BE(1);
  const blobs: Buffer[] = [];
  let at = 5;
  const field = (): Buffer => {
    const end = at + 4 + answer.readUInt32BE(at);
    const bytes = answer.subarray(at + 4, end);
    at = end;
    return bytes;
  };
  for (let index = 0; index < count; index++) {
    blobs.push(field());
    // The comment.
    field();
  }
  return blobs;
}
