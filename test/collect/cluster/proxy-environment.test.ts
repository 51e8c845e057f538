import { describe, expect, it } from 'vitest';
import { proxyFromEnvironment } from '../../../src/collect/cluster/proxy-environment.ts';

const PROXY = 'http://proxy:3128';

describe('the proxy of the environment', () => {
  it.each([
    ['https://api.example.com:6443', { HTTPS_PROXY: PROXY }, PROXY],
    ['https://api.example.com', { https_proxy: PROXY }, PROXY],
    ['https://api.example.com', { HTTP_PROXY: PROXY }, null],
    ['http://api.example.com', { HTTP_PROXY: PROXY }, PROXY],
    ['https://api.example.com', { ALL_PROXY: PROXY }, null],
    ['https://api.example.com', { HTTPS_PROXY: 'proxy:3128' }, 'http://proxy:3128'],
    ['https://api.example.com', { HTTPS_PROXY: 'socks5://proxy:1080' }, 'socks5://proxy:1080'],
    ['https://localhost:6443', { HTTPS_PROXY: PROXY }, null],
    ['https://127.0.0.1:6443', { HTTPS_PROXY: PROXY }, null],
    ['https://[::1]:6443', { HTTPS_PROXY: PROXY }, null],
    ['https://[fd00::1]:6443', { HTTPS_PROXY: PROXY }, PROXY],
  ])('for %s with %j is %s', (server, variables, wanted) => {
    expect(proxyFromEnvironment(new URL(server), variables)).toBe(wanted);
  });

  it.each([
    ['https://api.example.com', '*', null],
    ['https://api.example.com', 'example.com', null],
    ['https://example.com', 'example.com', null],
    ['https://badexample.com', 'example.com', PROXY],
    ['https://api.example.com', '.example.com', null],
    ['https://example.com', '.example.com', PROXY],
    ['https://api.example.com', 'other, api.example.com', null],
    ['https://API.example.com', 'api.EXAMPLE.com', null],
    ['https://api.example.com:6443', 'api.example.com:6443', null],
    ['https://api.example.com:6443', 'api.example.com:443', PROXY],
    ['https://api.example.com', 'api.example.com:443', null],
    ['https://10.1.2.3:6443', '10.0.0.0/8', null],
    ['https://11.1.2.3:6443', '10.0.0.0/8', PROXY],
    ['https://10.1.2.3:6443', '10.1.2.3', null],
    ['https://10.1.2.3:6443', '1.2.3', PROXY],
    ['https://[fd00::5]:6443', 'fd00::/8', null],
    ['https://[fd00::5]:6443', 'fd00::5', null],
    ['https://[fd00::5]:6443', '[fd00::5]:6443', null],
    ['https://api.example.com', '', PROXY],
    ['https://api.example.com', '10.0.0.0/99,,', PROXY],
  ])('for %s with NO_PROXY=%s is %s', (server, exempt, wanted) => {
    expect(proxyFromEnvironment(new URL(server), { HTTPS_PROXY: PROXY, NO_PROXY: exempt })).toBe(wanted);
  });

  it('that is no address is an error', () => {
    expect(() => proxyFromEnvironment(new URL('https://a'), { HTTPS_PROXY: 'http://a b' })).toThrow('$HTTPS_PROXY');
  });
});
