import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { jsonErrorPosition } from '../../../src/collect/snapshot-dir/json-error.ts';

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

describe('the place where a text stops being JSON', () => {
  it.each([
    ['', 1, 1],
    ['{', 1, 2],
    ['{"a":1,}', 1, 8],
    ['[1 2]', 1, 4],
    ['[1]\n\n]', 3, 1],
    ['{"a":\n  tru}', 2, 3],
    ['"\u0001"', 1, 1],
    ['{a:1}', 1, 2],
    ['[}', 1, 2],
    ['"unfinished', 1, 1],
  ])('of %j is line %i, column %i', (text, line, column) => {
    expect(jsonErrorPosition(text)).toEqual({ line, column });
  });

  it('exists exactly for what JSON.parse refuses', () => {
    const alphabet = fc.constantFrom(...'{}[]:,"\\ \n01-+.eEtrufalsn'.split(''));
    fc.assert(
      fc.property(fc.oneof(fc.string({ unit: alphabet }), fc.json()), (text) => {
        expect(jsonErrorPosition(text) === null).toBe(isJson(text));
      }),
      { numRuns: 5000 },
    );
  });

  it('is found in valid JSON with one character changed', () => {
    fc.assert(
      fc.property(fc.json(), fc.nat(), fc.constantFrom('', 'x', '"', '}', ','), (text, at, change) => {
        const index = at % (text.length + 1);
        const changed = text.slice(0, index) + change + text.slice(index + 1);
        expect(jsonErrorPosition(changed) === null).toBe(isJson(changed));
      }),
      { numRuns: 3000 },
    );
  });

  it('does not depend on the depth', () => {
    expect(jsonErrorPosition('['.repeat(200_000))).toEqual({ line: 1, column: 200_001 });
  });
});
