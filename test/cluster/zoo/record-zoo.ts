/** Brings up one world of the zoo after the other, and keeps a compact snapshot of each for the tests. */
import { mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Log } from '../build.ts';
import { startLab } from '../lab.ts';
import { requireSuccess, run } from '../process.ts';
import { addNeighbours, fillZoo } from './fill.ts';
import { WORLDS } from './worlds.ts';
import type { World } from './worlds.ts';

/** A file for each world: the snapshot folder, packed. */
export const RECORDINGS = join(import.meta.dirname, '../../fixtures/zoo');

export async function recordZoo(names: readonly string[], log: Log): Promise<void> {
  const unknown = names.filter((name) => !WORLDS.some((world) => world.name === name));
  if (unknown.length > 0) {
    throw new Error(`no world ${unknown.join(', ')}; there are:\n  ${WORLDS.map(({ name }) => name).join('\n  ')}`);
  }
  for (const world of WORLDS.filter(({ name }) => names.length === 0 || names.includes(name))) {
    log(`${world.name} …`);
    await recordWorld(world);
  }
}

async function recordWorld({ name, options, neighbours = [], crowded = false }: World): Promise<void> {
  const lab = await startLab({ name: `zoo-${process.pid}`, ...options });
  const folder = mkdtempSync(join(tmpdir(), 'svcdoctor-zoo-'));
  try {
    await addNeighbours(lab, neighbours);
    await fillZoo(lab, { crowded });
    await lab.record(folder);
    await pack(folder, join(RECORDINGS, `${name}.tgz`));
  } finally {
    rmSync(folder, { recursive: true });
    await lab.down();
  }
}

/** Without what nobody reads in a test of the rules, and with nothing of the machine in it. */
async function pack(folder: string, file: string): Promise<void> {
  mkdirSync(RECORDINGS, { recursive: true });
  for (const node of readdirSync(join(folder, 'nodes'))) rmSync(join(folder, 'nodes', node, 'nft.json'));
  const plain = ['--sort=name', '--mtime=@0', '--owner=0', '--group=0', '--numeric-owner', '--format=ustar'];
  requireSuccess(await run(['tar', ...plain, '-C', folder, '--use-compress-program=gzip -9n', '-cf', file, '.']));
}
