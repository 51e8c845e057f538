/** A node's own fault breaks every Service: the screen stays one a person can read. */
import { describe, expect, it } from 'vitest';
import { join } from 'node:path';
import { renderTerminal } from '../../src/render/terminal.ts';
import { damage } from '../build.ts';
import { RECORDINGS } from '../cluster/zoo/record-zoo.ts';
import { judge, readWorld } from '../zoo/judge.ts';

describe('a fault of all Services', () => {
  it('shows some rows of the matrix, and all of them when asked', async () => {
    const healthy = await readWorld(join(RECORDINGS, '1.37-nft.tgz'));
    const report = judge(
      damage(healthy, 'rain-kubernetes-2', (lines) => lines.filter((line) => !line.includes('-j MASQUERADE'))),
    );
    const screen = (wide: boolean): string =>
      renderTerminal(report, { color: false, width: 120, wide, program: 'kubectl svcdoctor' });
    const rows = (text: string): number => text.split('\n').filter((line) => /✖ \d\/\d/.test(line)).length;
    expect(rows(screen(false))).toBe(20);
    expect(screen(false)).toMatch(/… and \d\d more Service ports: -o wide/);
    expect(rows(screen(true))).toBeGreaterThan(40);
  });
});
