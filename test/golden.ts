import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from 'vitest';

export const ROOT = fileURLToPath(new URL('..', import.meta.url));

/** Compares a whole text with the file that holds it; `UPDATE=1` writes the file instead. A missing file fails. */
export function expectGolden(path: string, text: string): void {
  const file = join(ROOT, path);
  if (process.env['UPDATE'] === '1') {
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text);
  }
  if (!existsSync(file)) throw new Error(`${path} is missing: npm run update writes it`);
  expect(text).toBe(readFileSync(file, 'utf8'));
}
