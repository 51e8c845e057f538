/** The script that zips is run by the shells there are. */
import { spawnSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { unzipped, zipped } from '../../../src/collect/pods/zipped.ts';

function run(argv: readonly string[]) {
  const [program = '', ...rest] = zipped(argv);
  const { stdout, stderr, status } = spawnSync(program, rest);
  return { stdout, stderr: stderr.toString(), code: status };
}

describe('a zipped answer', () => {
  it.each([
    [['printf', '%s|', 'a b', '$HOME', '"; id'], { stdout: 'a b|$HOME|"; id|', stderr: '', code: 0 }],
    [['sh', '-c', 'echo out; echo err >&2; exit 3'], { stdout: 'out\n', stderr: 'err\n', code: 3 }],
    [['sh', '-c', 'printf noend >&2'], { stdout: '', stderr: 'noend', code: 0 }],
  ])('of %j is what the command said', async (argv, expected) => {
    const { stdout, ...rest } = await unzipped(run(argv));
    expect({ stdout: stdout.toString(), ...rest }).toEqual(expected);
  });

  it('of a program that is not there has the exit code that says so', async () => {
    expect((await unzipped(run(['no-such-program']))).code).toBe(127);
  });

  it.each<[string, (answer: Buffer) => Buffer]>([
    ['cut off', (bytes) => bytes.subarray(0, bytes.length - 9)],
    ['damaged', (bytes) => Buffer.concat([bytes.subarray(0, -6), Buffer.from([1, 2]), bytes.subarray(-4)])],
    ['empty', () => Buffer.alloc(0)],
  ])('that is %s is asked for again', async (_, damage) => {
    const answer = run(['printf', 'x'.repeat(1000)]);
    await expect(unzipped({ ...answer, stdout: damage(answer.stdout) })).rejects.toThrow(
      'the zipped answer is damaged',
    );
  });

  it('without its exit code is asked for again', async () => {
    const answer = run(['true']);
    await expect(unzipped({ ...answer, stderr: '' })).rejects.toThrow('zipping ended with 0');
  });
});
