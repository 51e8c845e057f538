import { readFileSync, writeFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { supportPage } from '../../src/netfilter/save-support.ts';

const PAGE = new URL('../../docs/iptables-support.md', import.meta.url);

test('docs/iptables-support.md says what the tables of the parser say', () => {
  if (process.env['UPDATE'] === '1') writeFileSync(PAGE, supportPage());
  expect(readFileSync(PAGE, 'utf8')).toBe(supportPage());
});
