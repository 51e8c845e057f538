import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { Deadline } from '../../src/collect/deadline.ts';
import { Questions } from '../../src/collect/questions.ts';

/** A person who answers when told to. */
function person(): { readonly questions: Questions; readonly answer: (line: string) => void } {
  let answer: (line: string) => void = () => undefined;
  const read = async (): Promise<string> => new Promise((resolve) => (answer = resolve));
  return { questions: new Questions(() => ({ readHidden: read, readLine: read })), answer: (line) => answer(line) };
}

test('the time of a node is over', async () => {
  const deadline = new Deadline(10, person().questions);
  await new Promise((resolve) => deadline.signal.addEventListener('abort', resolve));
  expect(deadline.signal.reason).toMatchObject({ name: 'TimeoutError' });
});

test('the clock stands still while a person is asked, and goes on afterwards', async () => {
  const { questions, answer } = person();
  const before = new Deadline(50, questions);
  const talk = questions.talk(async (terminal) => terminal.readHidden('?', new AbortController().signal));
  await sleep(1);
  const meanwhile = new Deadline(50, questions);
  await sleep(200);
  expect([before.signal.aborted, meanwhile.signal.aborted]).toEqual([false, false]);
  answer('yes');
  expect(await talk).toBe('yes');
  await Promise.all(
    [before, meanwhile].map(async ({ signal }) => new Promise((resolve) => signal.addEventListener('abort', resolve))),
  );
});

test('one that was ended stays quiet', async () => {
  const deadline = new Deadline(10, person().questions);
  deadline.end();
  await sleep(50);
  expect(deadline.signal.aborted).toBe(false);
});

test('questions are asked one at a time, and not at all without a terminal', async () => {
  const { questions, answer } = person();
  const seen: boolean[] = [];
  questions.subscribe((isOpen) => seen.push(isOpen));
  const ask = async (): Promise<string | null> =>
    questions.talk(async (terminal) => terminal.readHidden('?', new AbortController().signal));
  const both = [ask(), ask()];
  await sleep(1);
  answer('1');
  expect(await both[0]).toBe('1');
  await sleep(1);
  answer('2');
  expect(await both[1]).toBe('2');
  expect(seen).toEqual([true, false, true, false]);
  expect(await new Questions(() => null).talk(async () => Promise.resolve('x'))).toBeNull();
});
