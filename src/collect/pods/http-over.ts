import { request, type IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';

/** An HTTP answer, read to its end. */
export interface HttpAnswer {
  readonly status: number;
  readonly body: string;
}

/** What is longer is cut, and that is an error: half a document is not read as a whole one. */
const LONGEST = 33_554_432;

/**
 * One GET over a stream that leads to an HTTP server.
 * @throws Error of the stream; when the answer ends too early or is too long; the signal's reason
 */
export async function getOver(stream: Duplex, path: string, signal: AbortSignal): Promise<HttpAnswer> {
  try {
    const response = await new Promise<IncomingMessage>((resolve, reject) => {
      // Before the request has it, and after it has let go of it, an error nobody listens to would end the process.
      stream.on('error', reject);
      const headers = { Host: 'localhost', Connection: 'close', 'User-Agent': 'kubectl-svcdoctor' };
      request({ createConnection: () => stream, path, headers, signal }, resolve)
        .on('error', reject)
        .end();
    });
    return { status: response.statusCode ?? 0, body: await textOf(response) };
  } catch (error) {
    signal.throwIfAborted();
    throw error;
  } finally {
    stream.destroy();
  }
}

async function textOf(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of response) {
    if (!Buffer.isBuffer(chunk)) continue;
    chunks.push(chunk);
    length += chunk.length;
    if (length > LONGEST) throw new Error(`the answer is longer than ${LONGEST / 1_048_576} MiB`);
  }
  return Buffer.concat(chunks).toString('utf8');
}
