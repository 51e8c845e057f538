import { writeFileSync } from 'node:fs';
import { SshLogins } from '../../../src/collect/ssh/index.ts';
import { NodeReadError } from '../../../src/collect/transport.ts';

/** Logs in to several nodes at the same time, for tests with a terminal: CONFIG PORT RESULT NODES. */
const [config = '', port = '', result = '', nodes = ''] = process.argv.slice(2);
const stop = new AbortController();
process.once('SIGINT', () => stop.abort(new Error('stopped by SIGINT')));

const logins = new SshLogins({ config, port: Number(port) });
const outcomes = await Promise.all(
  Array.from({ length: Number(nodes) }, async (_, index) => {
    try {
      const transport = await logins.connect({ node: `node-${index}`, addresses: ['127.0.0.1'] }, stop.signal);
      await transport.close();
      return 'ok';
    } catch (error) {
      return error instanceof NodeReadError ? `${error.reason}: ${error.message}; ${error.tryThis}` : String(error);
    }
  }),
);
await logins.close();
writeFileSync(result, JSON.stringify(outcomes));
