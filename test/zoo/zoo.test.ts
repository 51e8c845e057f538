/**
 * What real kube-proxies of many versions and settings wrote for Services of every kind (recorded by
 * `npm run lab -- record-zoo`): nothing is reported but the objects that are truly wrong, and nothing is left open.
 */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { completeOptions, isSingleStack } from '../cluster/options.ts';
import { RECORDINGS } from '../cluster/zoo/record-zoo.ts';
import { WORLDS } from '../cluster/zoo/worlds.ts';
import { TRULY_WRONG, judge, openQuestions, readWorld } from './judge.ts';

/** It serves IPv4 only, and says so once. */
const SINGLE_STACK = [
  [
    'SVC401',
    ...['dual-one-sided', 'dual', 'six-lb', 'six-local', 'six', 'zz-last'].map((service) => `zoo/${service}:http`),
  ],
];

describe('the zoo', () => {
  it('has a recording of each world', () => {
    expect(readdirSync(RECORDINGS).toSorted()).toEqual(WORLDS.map(({ name }) => `${name}.tgz`).toSorted());
  });

  it.each(WORLDS)('$name', async ({ name, options }) => {
    const report = judge(await readWorld(join(RECORDINGS, `${name}.tgz`)));
    const found = report.findings.filter(({ severity }) => severity !== 'info');
    expect(found.map(({ code, servicePorts }) => [code, ...servicePorts])).toEqual([
      ...(isSingleStack(completeOptions(options)) ? SINGLE_STACK : []),
      ...TRULY_WRONG,
    ]);
    expect(openQuestions(report)).toEqual([]);
  });
});
