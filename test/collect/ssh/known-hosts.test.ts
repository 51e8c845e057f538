import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, expect, test } from 'vitest';
import { knownHostsName, lookUpKnownHosts, matchesPattern } from '../../../src/collect/ssh/known-hosts.ts';
import { describeWithSshd } from './sshd.ts';

const folder = mkdtempSync(join(tmpdir(), 'known-hosts-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** Lines of known_hosts with a key each, so that a line can be told by its key. */
const KEYS = Array.from({ length: 9 }, (_, index) => {
  const type = Buffer.from('ssh-ed25519');
  const body = Buffer.alloc(32, index + 1);
  const blob = Buffer.concat([Buffer.from([0, 0, 0, type.length]), type, Buffer.from([0, 0, 0, 32]), body]);
  return `ssh-ed25519 ${blob.toString('base64')}`;
});

const LINES = [
  '# a comment',
  '',
  `node-1 ${KEYS[0]}`,
  `node-2,10.0.0.2 ${KEYS[1]} somebody@somewhere`,
  `*.example.com,!bad.example.com ${KEYS[2]}`,
  `[10.0.0.3]:2222 ${KEYS[3]}`,
  `@revoked node-1 ${KEYS[4]}`,
  `@cert-authority *.example.com ${KEYS[5]}`,
  `10.0.0.? ${KEYS[6]}`,
  `\tNode-4  ${KEYS[7]}`,
];

/** ssh-keygen lists these too; the client passes over them. */
const BROKEN = [
  `@unknown node-1 ${KEYS[8]}`,
  `node-1 ssh-rsa ${KEYS[8]?.split(' ')[1] ?? ''}`,
  'node-1 ssh-ed25519',
  'node-1 ssh-ed25519 AAAA',
  `|1|broken ${KEYS[8]}`,
];

const NAMES = [
  'node-1',
  'node-2',
  '10.0.0.2',
  'a.example.com',
  'bad.example.com',
  '[10.0.0.3]:2222',
  '10.0.0.3',
  'node-4',
  'node-5',
];

const plain = join(folder, 'plain');
writeFileSync(plain, `${LINES.join('\n')}\n`);

/** The numbers of the lines that `ssh-keygen -F` finds. */
function found(file: string, name: string): readonly number[] {
  try {
    const text = execFileSync('ssh-keygen', ['-f', file, '-F', name], { stdio: ['ignore', 'pipe', 'ignore'] });
    return [...text.toString('utf8').matchAll(/found: line (\d+)/g)].map((match) => Number(match[1]));
  } catch {
    return [];
  }
}

function ours(file: string, name: string): readonly number[] {
  return lookUpKnownHosts([file], name).map((entry) => Number(entry.place.replace(/^.*:/, '')));
}

describeWithSshd('the lines about a host are those that ssh-keygen -F finds', () => {
  const hashed = join(folder, 'hashed');
  // ssh-keygen hashes no file with a line that it does not understand, and no pattern.
  const hashable = [2, 3, 5, 9].map((index) => LINES[index] ?? '');
  writeFileSync(hashed, `${hashable.join('\n')}\n`);
  execFileSync('ssh-keygen', ['-q', '-H', '-f', hashed], { stdio: 'ignore' });

  test.each(NAMES)('%s', (name) => {
    expect(ours(plain, name)).toEqual(found(plain, name));
    expect(ours(hashed, name)).toEqual(found(hashed, name));
  });

  test('the file is hashed indeed', () => {
    expect(readFileSync(hashed, 'utf8')).toMatch(/^\|1\|/);
    expect(ours(hashed, 'node-1')).not.toEqual([]);
  });
});

test('lines that are none are passed over', () => {
  const file = join(folder, 'broken');
  writeFileSync(file, BROKEN.join('\n'));
  expect(lookUpKnownHosts([file], 'node-1')).toEqual([]);
});

test('markers are told apart', () => {
  expect(lookUpKnownHosts([plain], 'node-1').map((entry) => entry.marker)).toEqual([null, '@revoked']);
  expect(lookUpKnownHosts([plain], 'a.example.com').map((entry) => entry.marker)).toEqual([null, '@cert-authority']);
});

test('a file that is not there says nothing', () => {
  expect(lookUpKnownHosts([join(folder, 'absent')], 'node-1')).toEqual([]);
});

test('names', () => {
  expect(knownHostsName('Node-1', 22)).toBe('node-1');
  expect(knownHostsName('::1', 2222)).toBe('[::1]:2222');
});

test('patterns match as the same regular expression does', () => {
  const letters = fc.constantFrom('a', 'b', '.', '*', '?');
  const texts = fc.array(letters, { maxLength: 8 }).map((all) => all.join(''));
  fc.assert(
    fc.property(texts, texts, (pattern, name) => {
      const source = pattern.replaceAll('.', '\\.').replaceAll('*', '.*').replaceAll('?', '.');
      expect(matchesPattern(pattern, name)).toBe(new RegExp(`^${source}$`).test(name));
    }),
  );
});
