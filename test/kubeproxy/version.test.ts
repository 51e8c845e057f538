import { describe, expect, test } from 'vitest';
import * as versions from '../../src/kubeproxy/version.ts';

describe('versions', () => {
  test.each([
    ['v1.28.15-eksbuild.1', '1.28.15'],
    ['1.37.2', '1.37.2'],
    ['v1.29', '1.29'],
    ['1.27+', '1.27'],
    ['v1.30.0-alpha.3', '1.30.0'],
    ['v1.24.17-minimal-eksbuild.2', '1.24.17'],
    ['v1.33.1+k3s1', '1.33.1'],
  ])('%s is %s', (text, printed) => {
    const version = versions.parseVersion(text);
    expect(version === null ? null : versions.printVersion(version)).toBe(printed);
  });

  test.each(['latest', '', 'v1', '1.x', '2024-01-01'])('%s is none', (text) => {
    expect(versions.parseVersion(text)).toBeNull();
  });

  test.each([
    ['registry.k8s.io/kube-proxy:v1.28.15', '1.28.15'],
    ['localhost:5000/kube-proxy:v1.22.4@sha256:0123', '1.22.4'],
    ['localhost:5000/kube-proxy', null],
    ['registry.k8s.io/kube-proxy@sha256:0123', null],
    ['kube-proxy:latest', null],
  ])('the image %s is of %s', (image, printed) => {
    const version = versions.parseImageVersion(image);
    expect(version === null ? null : versions.printVersion(version)).toBe(printed);
  });

  test.each([
    ['1.12.0', '1.20'],
    ['1.20.15', '1.20'],
    ['1.21.0', '1.21'],
    ['1.22.17', '1.22'],
    ['1.23.4', '1.22'],
    ['1.24.0', '1.24'],
    ['1.25.1', '1.25'],
    ['1.37.2', '1.25'],
    ['1.41.0', '1.25'],
  ])('%s is of the generation %s', (text, era) => {
    const version = versions.parseVersion(text);
    expect(version === null ? null : versions.eraOf(version)).toBe(era);
  });

  test('a range answers yes, no or not known', () => {
    const clears = versions.sinceWithBackports(19, { 16: 13, 17: 9, 18: 6 });
    const exact = (text: string): boolean | null => {
      const version = versions.parseVersion(text) ?? { major: 0, minor: 0, patch: null };
      return versions.ask({ min: version, max: version }, clears);
    };
    expect(exact('1.18.5')).toBe(false);
    expect(exact('1.18.6')).toBe(true);
    expect(exact('1.18')).toBeNull();
    expect(exact('1.20')).toBe(true);
    expect(exact('1.15')).toBe(false);
    expect(versions.ask(versions.rangeOfMinors(12, 20), clears)).toBeNull();
    expect(versions.ask(versions.rangeOfMinors(19, 20), clears)).toBe(true);
    expect(versions.ask(versions.rangeOfMinors(25, 37), versions.between(16, 34))).toBeNull();
  });
});
