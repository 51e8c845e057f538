// What happens before anything heavy is loaded: one decision about colour, a quiet end of a closed pipe, a cache of compiled code.
import { readFileSync } from 'node:fs';
import module from 'node:module';
import { homedir } from 'node:os';
import { join } from 'node:path';
import v8 from 'node:v8';

export async function start() {
  watchOutput();
  if (process.argv.length === 3 && process.argv[2] === '--version') {
    const { name, version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'));
    process.stdout.write(`${name} ${version}\n`);
    return;
  }
  keepYoungGenerationSmall();
  cacheCompiledCode();
  const { main } = await import('../dist/main.js');
  await main(process.argv);
}

/**
 * Nobody reads on (`| head`): the exit code is what was judged until then. A result that cannot be written is an error, never
 * an exit code of findings. What cannot be said on stderr costs nothing else.
 */
function watchOutput() {
  process.stderr.on('error', () => undefined);
  process.stdout.on('error', (error) => {
    if (error.code === 'EPIPE') process.exit();
    process.stderr.write(`error: cannot write the result: ${error.message}\nIs the disk full? Write it elsewhere.\n`);
    process.exit(2);
  });
}

/**
 * What is parsed from a large rule set is nearly all kept. A young generation that grows with it only costs memory: a
 * quarter of the peak, and no time is won.
 */
function keepYoungGenerationSmall() {
  v8.setFlagsFromString('--semi-space-growth-factor=1');
}

/** In a folder of our own: Node's default is a shared temporary one. A cache that cannot be had is done without. */
function cacheCompiledCode() {
  const cache = process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache');
  try {
    module.enableCompileCache(join(cache, 'kubectl-svcdoctor', 'v8'));
  } catch {
    // Slower, not wrong.
  }
}
