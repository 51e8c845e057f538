import { describe, expect, test } from 'vitest';
import { ignoredBecause } from '../../src/kubeproxy/ignored-service.ts';
import { parseVersion } from '../../src/kubeproxy/version.ts';
import type { Service } from '../../src/model/service.ts';
import { makeService } from './builders.ts';

const HEADLESS_LABEL = { labels: new Map([['service.kubernetes.io/headless', '']]) };
const OTHER_PROXY = { labels: new Map([['service.kubernetes.io/service-proxy-name', '']]) };

const ROWS: readonly (readonly [string, Partial<Service>, string, RegExp | null])[] = [
  ['a Service with a cluster IP', {}, '1.37', null],
  ['one that is being deleted', { deleting: true }, '1.37', null],
  ['a headless one', { headless: true, clusterIPs: [] }, '1.37', /^headless/],
  ['an ExternalName', { type: 'ExternalName' }, '1.37', /^type ExternalName/],
  ['one of another proxy', OTHER_PROXY, '1.20', /another proxy/],
  ['one with the headless label', HEADLESS_LABEL, '1.34', /before 1\.35/],
  ['one with the headless label, in 1.35', HEADLESS_LABEL, '1.35', null],
  ['one with the headless label, in 1.15', HEADLESS_LABEL, '1.15', null],
  ['one with the headless label, version not known', HEADLESS_LABEL, '', null],
];

describe('Services without rules', () => {
  test.each(ROWS)('%s', (_, change, version, because) => {
    const reason = ignoredBecause(makeService(change), parseVersion(version));
    if (because === null) expect(reason).toBeNull();
    else expect(reason).toMatch(because);
  });
});
