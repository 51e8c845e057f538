import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { homedir, tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, test, vi } from 'vitest';
import { loadIdentities } from '../../../src/collect/ssh/identities.ts';
import { parseSshG } from '../../../src/collect/ssh/parse-ssh-g.ts';
import { defaultHost } from '../../../src/collect/ssh/resolved-host.ts';
import { resolveHost } from '../../../src/collect/ssh/resolve-host.ts';
import { parseHop, resolveRoute } from '../../../src/collect/ssh/route.ts';
import { failureOf, SIGNAL } from './reading.ts';

const folder = mkdtempSync(join(tmpdir(), 'ssh-g-'));
afterAll(() => rmSync(folder, { recursive: true }));
afterEach(() => void vi.unstubAllEnvs());

function write(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text, { mode: 0o600 });
  return path;
}

describe('what ssh -G prints', () => {
  test('plain values', () => {
    const host = parseSshG(
      'worker',
      [
        'user core',
        'hostname 10.0.0.7',
        'port 2222',
        'hostkeyalias node-7',
        'identitiesonly yes',
        'connecttimeout 3',
        'serveraliveinterval 15',
        'addressfamily inet6',
        'bindaddress 10.0.0.1',
        'proxyjump a@b:2222,c',
        'hostkeyalgorithms ssh-ed25519,rsa-sha2-512',
        'userknownhostsfile /a /b',
        'globalknownhostsfile none',
      ].join('\n'),
    );
    expect(host).toMatchObject({
      user: 'core',
      hostName: '10.0.0.7',
      port: 2222,
      hostKeyAlias: 'node-7',
      identitiesOnly: true,
      connectTimeoutMs: 3000,
      keepaliveIntervalMs: 15_000,
      family: 6,
      bindAddress: '10.0.0.1',
      proxyJump: ['a@b:2222', 'c'],
      hostKeyAlgorithms: ['ssh-ed25519', 'rsa-sha2-512'],
      knownHostsFiles: ['/a', '/b'],
      needsSystemSsh: null,
    });
  });

  test('only what keeps a command from being run is taken back', () => {
    expect(parseSshG('x', 'sessiontype default\nforkafterauthentication no').takenBack).toEqual([]);
    expect(parseSshG('x', 'user core').takenBack).toEqual([]);
    const odd = 'remotecommand top -b\nsessiontype none\nforkafterauthentication yes';
    const wanted = ['RemoteCommand=none', 'SessionType=default', 'ForkAfterAuthentication=no'];
    expect(parseSshG('x', odd).takenBack).toEqual(wanted);
  });

  test('paths: ~, tokens, variables; files that are not there are left out', () => {
    const key = write('id_root_node', '');
    vi.stubEnv('KEYS', folder);
    const text = `identityfile \${KEYS}/id_%r_%h\nidentityfile /absent\nuser root\nhostname node\nuserknownhostsfile ~/x %d/y`;
    const host = parseSshG('alias', text);
    expect(host.identityFiles).toEqual([key]);
    const home = userInfo().homedir === '' ? homedir() : userInfo().homedir;
    expect(host.knownHostsFiles).toEqual([join(home, 'x'), `${home}/y`]);
  });

  test.each([
    ['identityagent none', null],
    ['identityagent SSH_AUTH_SOCK', '/agent'],
    ['identityagent $OTHER', '/other'],
    ['identityagent /third', '/third'],
    ['', '/agent'],
  ])('agent: %s', (line, agent) => {
    vi.stubEnv('SSH_AUTH_SOCK', '/agent');
    vi.stubEnv('OTHER', '/other');
    expect(parseSshG('x', line).agent).toBe(agent);
  });

  test('what only the system ssh can do', () => {
    const key = write('id', '');
    write('id-cert.pub', '');
    vi.stubEnv('KRB5CCNAME', join(folder, 'absent'));
    const why = (text: string): string | null => parseSshG('x', text).needsSystemSsh;
    expect(why('proxycommand nc %h %p')).toBe('ProxyCommand');
    expect(why('proxycommand none')).toBeNull();
    expect(why(`identityfile ${key}`)).toBe('user certificate');
    expect(why(`certificatefile ${key}`)).toBe('CertificateFile');
    expect(why('pkcs11provider /lib/x.so')).toBe('PKCS11Provider');
    expect(why('gssapiauthentication yes')).toBeNull();
    vi.stubEnv('KRB5CCNAME', `FILE:${key}`);
    expect(why('gssapiauthentication yes')).toBe('GSSAPIAuthentication');
  });
});

test('hops', () => {
  expect(parseHop('bastion')).toEqual({ host: 'bastion', settings: {} });
  expect(parseHop('me@bastion:2222')).toEqual({ host: 'bastion', settings: { user: 'me', port: 2222 } });
  expect(parseHop('me@x@[fd00::1]:22')).toEqual({ host: 'fd00::1', settings: { user: 'me@x', port: 22 } });
  expect(parseHop('ssh://me@bastion:22/')).toEqual({ host: 'bastion', settings: { user: 'me', port: 22 } });
  expect(parseHop('fd00::1')).toEqual({ host: 'fd00::1', settings: {} });
});

test('a chain without an end is refused', async () => {
  const config = write('config', 'Host a\n  ProxyJump b\nHost b\n  ProxyJump a\n');
  const failure = await failureOf(resolveRoute('a', { config }, SIGNAL));
  expect(failure).toMatchObject({ reason: 'configuration', message: 'ProxyJump for a has no end' });
});

test('a chain is followed from its first hop on', async () => {
  const config = write('config', 'Host node\n  ProxyJump a,b\nHost a\n  ProxyJump z\nHost b\n  ProxyJump never\n');
  const route = await resolveRoute('node', { config, user: 'core' }, SIGNAL);
  expect(route.map((host) => host.alias)).toEqual(['z', 'a', 'b', 'node']);
  expect(route.map((host) => host.user === 'core')).toEqual([false, false, false, true]);
});

describe('without an ssh program', () => {
  test('defaults and flags', async () => {
    vi.stubEnv('PATH', folder);
    const host = await resolveHost('10.0.0.1', { user: 'core', port: 2222 }, SIGNAL);
    expect(host).toMatchObject({ hostName: '10.0.0.1', user: 'core', port: 2222, proxyJump: [] });
  });

  test('an ssh_config cannot be read', async () => {
    const config = write('config', '');
    vi.stubEnv('PATH', folder);
    const failure = await failureOf(resolveHost('10.0.0.1', { config }, SIGNAL));
    expect(failure).toMatchObject({ reason: 'configuration', tryThis: 'Install the client of OpenSSH.' });
  });
});

test('a security key is for the system ssh, with and without a passphrase', async () => {
  const field = (text: string): Buffer => Buffer.concat([Buffer.from([0, 0, 0, text.length]), Buffer.from(text)]);
  for (const cipher of ['none', 'aes256-ctr']) {
    const publicKey = field('sk-ssh-ed25519@openssh.com').toString('latin1');
    const head = [Buffer.from('openssh-key-v1\0'), field(cipher), field('none'), field(''), Buffer.from([0, 0, 0, 1])];
    const base64 = Buffer.concat([...head, field(publicKey), field('rest')]).toString('base64');
    const key = write('id_sk', `-----BEGIN OPENSSH PRIVATE KEY-----\n${base64}\n-----END OPENSSH PRIVATE KEY-----\n`);
    const host = { ...defaultHost('x'), agent: null, identityFiles: [key] };
    expect((await loadIdentities(host, SIGNAL)).needsSystemSsh).toBe('security key');
  }
});

test('junk is no key, and is said', async () => {
  const host = { ...defaultHost('x'), agent: null, identityFiles: [write('junk', 'junk'), folder] };
  const { keys, notes } = await loadIdentities(host, SIGNAL);
  expect(keys).toEqual([]);
  expect(notes).toHaveLength(2);
});
