// Installs the npm packages of the lock file when they are missing or older than it. Runs on any Node.js that npm runs on,
// because the project's own comes with these packages.
import { spawnSync } from 'node:child_process';
import { existsSync, statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url));
const installed = `${root}/node_modules/.package-lock.json`;
const locked = `${root}/package-lock.json`;

if (!existsSync(installed) || statSync(installed).mtimeMs < statSync(locked).mtimeMs) {
  process.stderr.write('installing npm packages …\n');
  const { status } = spawnSync('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error'], {
    cwd: root,
    stdio: 'inherit',
  });
  if (status !== 0) {
    process.stderr.write('error: npm ci failed; see above\n');
    process.exitCode = status ?? 1;
  }
}
