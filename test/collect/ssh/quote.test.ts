import { execFileSync } from 'node:child_process';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { quoteForPosixShell } from '../../../src/collect/ssh/index.ts';

/** Words with what shells care about in them. */
const word = fc.oneof(
  fc.string({ unit: 'binary-ascii', maxLength: 12 }),
  fc.string({ unit: 'grapheme', maxLength: 6 }),
  fc.constantFrom(
    '',
    "'",
    '$(id)',
    '`id`',
    '~',
    '*',
    '--',
    '-n',
    'a=b',
    '\\',
    '!!',
    '#x',
    'PATH=/a:/b',
    '\n',
    '%1',
    '=ls',
  ),
);

test('a shell gives back the words it was given', () => {
  fc.assert(
    fc.property(fc.array(word, { maxLength: 20 }), (words) => {
      const argv = words.map((text) => text.replaceAll('\0', ''));
      const command = quoteForPosixShell(['printf', '%s\\0', 'begin', ...argv]);
      const printed = execFileSync('/bin/sh', ['-c', command]);
      expect(printed.toString('utf8').split('\0')).toEqual(['begin', ...argv, '']);
    }),
    { numRuns: 200 },
  );
});

test('the first word is a command, whatever it looks like', () => {
  expect(quoteForPosixShell(['A=b', 'c'])).toBe("'A=b' c");
  expect(quoteForPosixShell(['if'])).toBe("'if'");
});

test('words that need no quotes have none', () => {
  const plain = ['env', 'PATH=/usr/sbin:/bin', 'LC_ALL=C', 'sudo', '-n', '--', 'iptables-nft-save', '-c'];
  expect(quoteForPosixShell(plain)).toBe(plain.join(' '));
});

test('a NUL is refused', () => {
  expect(() => quoteForPosixShell(['a\0b'])).toThrow(TypeError);
});
