import { SshLogins } from '../../../src/collect/ssh/index.ts';

/** Logs in over CONFIG and PORT, says so, and stays until it is stopped. */
const [config = '', port = ''] = process.argv.slice(2);
const stop = new AbortController();
process.once('SIGINT', () => stop.abort(new Error('stopped by SIGINT')));

const logins = new SshLogins({ config, port: Number(port) });
const transport = await logins.connect({ node: 'node', addresses: ['127.0.0.1'] }, stop.signal);
process.stderr.write(`${transport.client}\n`);
try {
  await transport.run(['sleep', '60'], { signal: stop.signal });
} catch {
  // Stopped: all that is open is closed.
} finally {
  await transport.close();
  await logins.close();
}
