#!/usr/bin/env node
// Starts the built program. Nothing here may use syntax or modules that an older Node.js lacks: it has to be able to say so.
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const OLDEST = [22, 19];
const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);

if (major > OLDEST[0] || (major === OLDEST[0] && minor >= OLDEST[1])) {
  const { start } = await import('./start.js');
  await start();
} else {
  await runWithOwnNode();
}

/** In a checkout the project's own Node.js, a dev dependency, takes over; elsewhere there is only the truth to tell. */
async function runWithOwnNode() {
  const own = fileURLToPath(new URL('../node_modules/node/bin/node', import.meta.url));
  if (!existsSync(own)) {
    process.stderr.write(
      `error: kubectl-svcdoctor needs Node.js ${OLDEST.join('.')} or newer, this is ${process.versions.node}\n` +
        `Install a newer Node.js, or run "npm install" in the checkout, which brings one.\n`,
    );
    process.exitCode = 2;
    return;
  }
  const { spawn } = await import('node:child_process');
  const child = spawn(own, process.argv.slice(1), { stdio: 'inherit' });
  // A terminal sends Ctrl-C to both; other signals reach only this process and are passed on.
  process.on('SIGINT', () => {});
  for (const signal of ['SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
  child.on('exit', (code, signal) => {
    process.exitCode = code ?? (signal === 'SIGINT' ? 130 : 143);
  });
}
